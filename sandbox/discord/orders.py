"""What other processes may order over `/_control`: each method is an order, its parameters the fields."""

import base64
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from sandbox.discord.acting import File
from sandbox.discord.faults import Fault
from sandbox.discord.gateway import GatewayRules
from sandbox.discord.interaction_view import InteractionView, interaction_view
from sandbox.discord.interactions import Interaction
from sandbox.discord.places import ChannelType
from sandbox.discord.rate_limits import RateLimits
from sandbox.discord.troubles import Troubles
from sandbox.discord.verbs import Verbs
from sandbox.discord.views import (
    ChannelView,
    MessageView,
    PersonView,
    channel_view,
    message_view,
    person_view,
)
from sandbox.discord.world import NotThere

GatewayTrouble = Literal[
    "drop",
    "reconnect",
    "invalidate",
    "zombie",
    "withhold",
    "release",
    "duplicate",
    "refuse",
    "accept",
]


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class FileOrder:
    """A file to be sent; its content in base64."""

    name: str
    content: str
    content_type: str = ""

    def file(self) -> File:
        """The file itself. Raises `ValueError` for what is no base64."""
        return File(self.name, base64.b64decode(self.content, validate=True), self.content_type)


class Orders:
    """The verbs, with users, channels and messages by id or name."""

    def __init__(self, verbs: Verbs, troubles: Troubles, interactions: Mapping[int, Interaction]):
        self._verbs = verbs
        self._troubles = troubles
        self._interactions = interactions

    def say(
        self,
        text: str,
        by: str = "ada",
        channel: str = "general",
        direct: bool = False,
        reply_to: str | None = None,
        ping_reply: bool = True,
        files: tuple[FileOrder, ...] = (),
        mention: bool = False,
    ) -> MessageView:
        """`Verbs.say`."""
        message = self._verbs.say(
            text,
            by=by,
            channel=channel,
            direct=direct,
            reply_to=reply_to,
            ping_reply=ping_reply,
            attachments=[each.file() for each in files],
            mention=mention,
        )
        return message_view(self._verbs.world, message)

    def edit(self, message: str, text: str) -> None:
        """`Verbs.edit`."""
        self._verbs.edit(message, text)

    def delete(self, message: str) -> None:
        """`Verbs.delete`."""
        self._verbs.delete(message)

    def react(self, message: str, emoji: str, by: str = "ada", add: bool = True) -> None:
        """`Verbs.react`."""
        self._verbs.react(message, emoji, by=by, add=add)

    def type(self, channel: str = "general", by: str = "ada") -> None:
        """`Verbs.type_in`."""
        self._verbs.type_in(channel, by=by)

    def press(self, message: str, button: str, by: str = "ada") -> InteractionView:
        """`Verbs.press`."""
        return interaction_view(self._verbs.press(message, button, by=by))

    def choose(
        self, message: str, custom_id: str, values: tuple[str, ...], by: str = "ada"
    ) -> InteractionView:
        """`Verbs.choose`."""
        return interaction_view(self._verbs.choose(message, custom_id, *values, by=by))

    def slash(
        self,
        name: str,
        options: dict[str, Any] | None = None,
        by: str = "ada",
        channel: str = "general",
        direct: bool = False,
    ) -> InteractionView:
        """`Verbs.slash`."""
        return interaction_view(
            self._verbs.slash(name, options, by=by, channel=channel, direct=direct)
        )

    def autocomplete(
        self, name: str, option: str, typed: str, by: str = "ada", channel: str = "general"
    ) -> InteractionView:
        """`Verbs.autocomplete`."""
        return interaction_view(
            self._verbs.autocomplete(name, option, typed, by=by, channel=channel)
        )

    def context_menu(
        self,
        name: str,
        message: str | None = None,
        user: str | None = None,
        by: str = "ada",
        channel: str = "general",
    ) -> InteractionView:
        """`Verbs.context_menu` of a message or a user."""
        if message is not None:
            target = self._verbs.world.message(message)
            return interaction_view(self._verbs.context_menu(name, target, by=by))
        if user is None:
            raise NotThere("say which message or user")
        found = self._verbs.world.user(user)
        return interaction_view(self._verbs.context_menu(name, found, by=by, channel=channel))

    def submit(self, interaction: str, values: dict[str, str]) -> InteractionView:
        """`Verbs.submit`."""
        return interaction_view(self._verbs.submit(self._interaction(interaction), values))

    def interaction(self, id: str) -> InteractionView:  # noqa: A002 - the field's name
        """How far an interaction is."""
        return interaction_view(self._interaction(id))

    def unfurl(self, message: str, url: str, title: str = "A page") -> None:
        """`Verbs.unfurl`."""
        self._verbs.unfurl(message, url, title=title)

    def post_as_webhook(
        self, text: str, name: str = "robot", channel: str = "general"
    ) -> MessageView:
        """`Verbs.post_as_webhook`."""
        said = self._verbs.post_as_webhook(text, name=name, channel=channel)
        return message_view(self._verbs.world, said)

    def join(self, name: str, channel: str = "general", is_bot: bool = False) -> PersonView:
        """`Verbs.join`."""
        user = self._verbs.join(name, channel=channel, is_bot=is_bot)
        return person_view(self._verbs.world, self._verbs.guild, user)

    def open_thread(
        self,
        name: str,
        by: str = "ada",
        message: str | None = None,
        channel: str = "general",
        private: bool = False,
    ) -> ChannelView:
        """`Verbs.open_thread`."""
        return channel_view(
            self._verbs.open_thread(name, by=by, message=message, channel=channel, private=private)
        )

    def guild_outage(self, over: bool = False) -> None:
        """`Verbs.guild_outage`."""
        self._verbs.guild_outage(over=over)

    def archive(self, thread: str, locked: bool = False) -> None:
        """`Verbs.archive`."""
        self._verbs.archive(thread, locked=locked)

    def add_channel(self, name: str, type: int = ChannelType.TEXT) -> ChannelView:  # noqa: A002
        """`Verbs.add_channel`."""
        return channel_view(self._verbs.add_channel(name, type=ChannelType(type)))

    def delete_channel(self, channel: str) -> None:
        """`Verbs.delete_channel`."""
        self._verbs.delete_channel(channel)

    def dm(self, user: str = "ada") -> ChannelView:
        """`Verbs.dm`."""
        return channel_view(self._verbs.dm(user))

    def remove_bot(self) -> None:
        """`Verbs.remove_bot`."""
        self._verbs.remove_bot()

    def add_bot(self) -> None:
        """`Verbs.add_bot`."""
        self._verbs.add_bot()

    def close_dm(self, user: str, closed: bool = True) -> None:
        """`Verbs.close_dm`."""
        self._verbs.close_dm(user, closed=closed)

    def revoke_token(self, revoked: bool = True) -> None:
        """`Verbs.revoke_token`."""
        self._verbs.revoke_token(revoked=revoked)

    # How it fails

    def fail_next(
        self, faults: tuple[Fault, ...], times: int | None = 1, route: str | None = None
    ) -> None:
        """`Troubles.fail_next`."""
        self._troubles.fail_next(*faults, times=times, route=route)

    def clear_faults(self) -> None:
        """`Troubles.clear_faults`."""
        self._troubles.clear_faults()

    def hold(self, route: str | None = None) -> None:
        """`Troubles.hold`."""
        self._troubles.hold(route)

    def release(self) -> None:
        """`Troubles.release`."""
        self._troubles.release()

    def calm(self) -> None:
        """`Troubles.calm`."""
        self._troubles.calm()

    def set_limits(self, limits: RateLimits) -> None:
        """Other rate limits from now on."""
        self._troubles.limits = limits

    def set_rules(self, rules: GatewayRules) -> None:
        """Another gateway from now on."""
        self._troubles.gateway.rules = rules

    def gateway(
        self,
        trouble: GatewayTrouble,
        code: int | None = None,
        resumable: bool = False,
        name: str | None = None,
    ) -> None:
        """What befalls the gateway's connections; `code` is for drop, `resumable` for invalidate and
        `name` for duplicate."""
        if trouble == "drop":
            self._troubles.drop_gateway(code=code)
        elif trouble == "reconnect":
            self._troubles.reconnect()
        elif trouble == "invalidate":
            self._troubles.invalidate_sessions(resumable=resumable)
        elif trouble == "zombie":
            self._troubles.become_zombie()
        elif trouble == "withhold":
            self._troubles.withhold_events()
        elif trouble == "release":
            self._troubles.release_events()
        elif trouble in ("refuse", "accept"):
            self._troubles.refuse_gateway(refused=trouble == "refuse")
        else:
            self._troubles.duplicate_last_event(name)

    def _interaction(self, ref: str) -> Interaction:
        found = self._interactions.get(int(ref)) if ref.isdigit() else None
        if found is None:
            raise NotThere(f"there is no interaction {ref}")
        return found
