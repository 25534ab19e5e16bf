"""Who and what there is: workspaces, people, channels, and where the app is installed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

SLACKBOT = "USLACKBOT"


class UnknownEntity(LookupError):
    """Nobody and nothing goes by that name or id."""


class ChannelKind(StrEnum):
    """Kinds of conversation, named as events name them in `channel_type`."""

    PUBLIC = "channel"
    PRIVATE = "group"
    IM = "im"
    MPIM = "mpim"

    @property
    def listed_as(self) -> str:
        """What `conversations.list` calls it in `types`."""
        return {"channel": "public_channel", "group": "private_channel"}.get(self.value, self.value)

    @property
    def prefix(self) -> str:
        """The first letter of such a conversation's id."""
        return "D" if self is ChannelKind.IM else "C"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A Slack team. `streaming` False refuses streams, as workspaces without that feature do."""

    id: str
    name: str
    domain: str
    streaming: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person, or the user that a bot is."""

    id: str
    team_id: str
    name: str
    real_name: str
    display_name: str = ""
    is_admin: bool = False
    is_bot: bool = False
    bot_id: str | None = None
    deleted: bool = False

    @property
    def shown_name(self) -> str:
        """What others see."""
        return self.display_name or self.real_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A conversation; `shared_with` are other workspaces that take part in it (Slack Connect)."""

    id: str
    team_id: str
    name: str
    kind: ChannelKind = ChannelKind.PUBLIC
    members: frozenset[str] = frozenset()
    archived: bool = False
    shared_with: frozenset[str] = frozenset()

    @property
    def is_direct(self) -> bool:
        """One person and the bot."""
        return self.kind is ChannelKind.IM


class InstallationState(StrEnum):
    """Whether an installation still works, and how its token is refused if not."""

    ACTIVE = "active"
    REVOKED = "token_revoked"
    UNINSTALLED = "account_inactive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """The app in one workspace."""

    team_id: str
    bot_user_id: str
    bot_id: str
    bot_token: str
    scopes: frozenset[str]
    state: InstallationState = InstallationState.ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The app, as its settings page shows it."""

    id: str
    name: str
    app_token: str
    signing_secret: str
    client_id: str
    client_secret: str
    verification_token: str


class World:
    """All of it. People and channels are found by id, or by name (`#general`, `@ada`)."""

    def __init__(self, app: App) -> None:
        self.app = app
        self._workspaces: dict[str, Workspace] = {}
        self._users: dict[str, User] = {}
        self._channels: dict[str, Channel] = {}
        self._installations: dict[str, Installation] = {}

    @property
    def workspaces(self) -> tuple[Workspace, ...]:
        """All workspaces; the first is the one that is meant where none is named."""
        return tuple(self._workspaces.values())

    @property
    def users(self) -> tuple[User, ...]:
        """All people and bots."""
        return tuple(self._users.values())

    @property
    def channels(self) -> tuple[Channel, ...]:
        """All conversations."""
        return tuple(self._channels.values())

    @property
    def installations(self) -> tuple[Installation, ...]:
        """Where the app is installed, or was."""
        return tuple(self._installations.values())

    def keep(self, *entities: Workspace | User | Channel | Installation) -> None:
        """Add each, or replace the one with its id."""
        for entity in entities:
            if isinstance(entity, Workspace):
                self._workspaces[entity.id] = entity
            elif isinstance(entity, User):
                self._users[entity.id] = entity
            elif isinstance(entity, Channel):
                self._channels[entity.id] = entity
            else:
                self._installations[entity.team_id] = entity

    def workspace(self, key: str | None = None) -> Workspace:
        """By id or domain; the first one for None. Raises `UnknownEntity`."""
        for workspace in self._workspaces.values():
            if key is None or key in (workspace.id, workspace.domain):
                return workspace
        raise UnknownEntity(f"no workspace {key!r}")

    def user(self, key: str, team_id: str | None = None) -> User:
        """By id or name. Raises `UnknownEntity`."""
        found = self._users.get(key)
        if found is not None:
            return found
        name = key.removeprefix("@").lower()
        for user in self._users.values():
            names = (user.name, user.display_name.lower(), user.real_name.lower())
            if name in names and team_id in (None, user.team_id):
                return user
        raise UnknownEntity(f"no user {key!r}")

    def channel(self, key: str, team_id: str | None = None) -> Channel:
        """By id or name, or the direct conversation with `@somebody`. Raises `UnknownEntity`."""
        found = self._channels.get(key)
        if found is not None:
            return found
        if key.startswith("@"):
            user = self.user(key, team_id)
            direct = self.direct(user.id, user.team_id)
            if direct is not None:
                return direct
        name = key.removeprefix("#")
        for channel in self._channels.values():
            if channel.name == name and team_id in (None, channel.team_id):
                return channel
        raise UnknownEntity(f"no channel {key!r}")

    def direct(self, user_id: str, team_id: str) -> Channel | None:
        """The bot's direct conversation with somebody in that workspace, if there is one."""
        bot = self.installation(team_id).bot_user_id
        wanted = frozenset({user_id, bot})
        return next(
            (each for each in self._channels.values() if each.is_direct and each.members == wanted),
            None,
        )

    def installation(self, team_id: str) -> Installation:
        """The app in that workspace. Raises `UnknownEntity`."""
        found = self._installations.get(team_id)
        if found is None:
            raise UnknownEntity(f"the app is not installed in {team_id}")
        return found

    def installation_of(self, token: str) -> Installation | None:
        """Whose bot token that is."""
        return next((each for each in self.installations if each.bot_token == token), None)

    def listeners(self, channel: Channel) -> Iterator[Installation]:
        """The installations whose bot hears what is said there."""
        for team_id in (channel.team_id, *sorted(channel.shared_with)):
            found = self._installations.get(team_id)
            if (
                found is not None
                and found.state is InstallationState.ACTIVE
                and found.bot_user_id in channel.members
            ):
                yield found

    def join(self, channel: Channel, user_ids: Iterable[str]) -> Channel:
        """Put people into a conversation."""
        changed = replace(channel, members=channel.members | frozenset(user_ids))
        self.keep(changed)
        return changed

    def leave(self, channel: Channel, user_ids: Iterable[str]) -> Channel:
        """Take people out of a conversation."""
        changed = replace(channel, members=channel.members - frozenset(user_ids))
        self.keep(changed)
        return changed
