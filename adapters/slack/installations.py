"""What OAuth installed, kept in the adapter's store behind the SDK's own interfaces.

Tokens are encrypted; the key is in the environment and nowhere else.
"""

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from logging import Logger, getLogger
from typing import Final

import structlog
from cryptography.fernet import Fernet, InvalidToken
from slack_sdk.oauth.installation_store import Bot, Installation
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore

from adapters.slack.keepsakes import Keepsakes
from bot.ports import AdapterStore, PlatformError
from bot.vocabulary import Clock

log = structlog.get_logger(__name__)

STATE_AGE: Final = timedelta(minutes=10)
_PREFIX: Final = "installed "
_ORGANISATION: Final = "organisation of "
_logger = getLogger("slack_sdk.parley.oauth")


def fernet(key: str) -> Fernet:
    """The cipher of a key as `Fernet.generate_key` makes it. Raises `PlatformError`."""
    try:
        return Fernet(key.encode())
    except ValueError as error:
        raise PlatformError(
            "PARLEY_SECRET_KEY is no key; make one with: python -c "
            '"from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
        ) from error


class InstallationStore(AsyncInstallationStore):
    """Keeps the bot of each workspace, or of each organisation for all its workspaces."""

    def __init__(self, *, store: AdapterStore, cipher: Fernet) -> None:
        self._store = store
        self._cipher = cipher

    @property
    def logger(self) -> Logger:
        """The SDK's."""
        return _logger

    async def async_save(self, installation: Installation) -> None:
        """Keep what was installed; an older installation in the same place gives way."""
        await self.async_save_bot(installation.to_bot())

    async def async_save_bot(self, bot: Bot) -> None:
        """Keep a bot, its token encrypted."""
        facts = {name: value for name, value in bot.to_dict().items() if _is_plain(value)}
        token = self._cipher.encrypt(json.dumps(facts).encode()).decode()
        await self._store.set(_key(bot.enterprise_id, bot.team_id), {"sealed": token})

    async def async_find_bot(
        self,
        *,
        enterprise_id: str | None,
        team_id: str | None,
        is_enterprise_install: bool | None = False,
    ) -> Bot | None:
        """The bot of a workspace, or of its organisation."""
        for place in (team_id, enterprise_id):
            kept = await self._store.get(_key(None, place)) if place else None
            bot = self._unsealed(kept) if kept else None
            if bot is not None:
                return bot
        return None

    async def async_find_installation(
        self,
        *,
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None = None,
        is_enterprise_install: bool | None = False,
    ) -> Installation | None:
        """The same as an installation; whose it was is not kept."""
        bot = await self.async_find_bot(enterprise_id=enterprise_id, team_id=team_id)
        if bot is None:
            return None
        return Installation(
            app_id=bot.app_id,
            enterprise_id=bot.enterprise_id,
            team_id=bot.team_id,
            bot_token=bot.bot_token,
            bot_id=bot.bot_id,
            bot_user_id=bot.bot_user_id,
            bot_scopes=bot.bot_scopes,
            user_id=user_id or "",
        )

    async def async_delete_bot(self, *, enterprise_id: str | None, team_id: str | None) -> None:
        """Forget a bot and its token."""
        await self._store.set(_key(None if team_id else enterprise_id, team_id), None)

    async def async_delete_installation(
        self, *, enterprise_id: str | None, team_id: str | None, user_id: str | None = None
    ) -> None:
        """The bot stays when a person's own token goes: there are none."""

    async def async_delete_all(self, *, enterprise_id: str | None, team_id: str | None) -> None:
        """Forget everything about a workspace."""
        await self.async_delete_bot(enterprise_id=enterprise_id, team_id=team_id)

    # What `Workspaces` asks

    async def bot_of(self, workspace: str) -> Bot | None:
        """The app in that workspace, or in the organisation that it belongs to."""
        organisation = await self._store.get(f"{_ORGANISATION}{workspace}")
        return await self.async_find_bot(enterprise_id=organisation, team_id=workspace)

    async def belongs(self, workspace: str, organisation: str) -> None:
        """The app is installed in the whole organisation, and this is one of its workspaces."""
        key = f"{_ORGANISATION}{workspace}"
        if await self._store.get(key) != organisation:
            await self._store.set(key, organisation)

    async def workspaces(self) -> Sequence[str]:
        """The ids of all."""
        return [key.removeprefix(_PREFIX) for key in await self._store.items(_PREFIX)]

    async def forget(self, workspace: str) -> None:
        """Delete the token of one."""
        await self.async_delete_bot(enterprise_id=None, team_id=workspace)

    def _unsealed(self, kept: dict[str, str]) -> Bot | None:
        try:
            facts = json.loads(self._cipher.decrypt(kept["sealed"].encode()))
        except InvalidToken:
            log.error(
                "a workspace's token can't be decrypted: PARLEY_SECRET_KEY is not the one it was "
                "encrypted with; set that again, or install the app anew"
            )
            return None
        return Bot(
            app_id=facts.get("app_id"),
            enterprise_id=facts.get("enterprise_id"),
            team_id=facts.get("team_id"),
            bot_token=facts["bot_token"],
            bot_id=facts.get("bot_id") or "",
            bot_user_id=facts.get("bot_user_id") or "",
            bot_scopes=facts.get("bot_scopes") or "",
            installed_at=datetime.fromisoformat(facts["installed_at"])
            if isinstance(facts.get("installed_at"), str)
            else float(facts.get("installed_at") or 0),
        )


@dataclass(frozen=True, slots=True)
class StateStore(AsyncOAuthStateStore):
    """The states that guard an installation against being slipped to somebody: each is good once."""

    kept: Keepsakes
    random_name: Callable[[], str] = secrets.token_urlsafe

    @property
    def logger(self) -> Logger:
        """The SDK's."""
        return _logger

    async def async_issue(self, *_args: object, **_named: object) -> str:
        """A new one."""
        state = self.random_name()
        await self.kept.keep(state, {})
        return state

    async def async_consume(self, state: str) -> bool:
        """Use one up; false if it was never issued, was used, or is too old."""
        found = await self.kept.recall(state)
        await self.kept.forget(state)
        return found is not None


def state_store(store: AdapterStore, clock: Clock) -> StateStore:
    """One that keeps its states with the adapter's other things."""
    return StateStore(Keepsakes("state", store=store, clock=clock, age=STATE_AGE))


def _key(enterprise_id: str | None, team_id: str | None) -> str:
    return f"{_PREFIX}{team_id or enterprise_id}"


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | bool | list)
