"""Where the app is installed, with which token and as whom."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import structlog
from slack_sdk.oauth.installation_store import Bot

from adapters.slack.payloads import Json
from bot.ports import IntakeUnavailable, PlatformUnavailable, ThreadGone
from bot.vocabulary import Clock, Newest

log = structlog.get_logger(__name__)

KEPT_S: Final = 60.0
"""An installation is looked up again after so long: another replica may have made a newer one."""

MAX_KEPT: Final = 2_000


@dataclass(frozen=True, slots=True)
class Installed:
    """The app in one workspace. `any_workspace`: the token is an organisation's."""

    workspace: str
    token: str
    bot_user_id: str
    bot_id: str
    any_workspace: bool = False


class Installations(Protocol):
    """Finds what OAuth installed."""

    async def bot_of(self, workspace: str) -> Bot | None:
        """The app in that workspace, or in the organisation that it belongs to."""

    async def belongs(self, workspace: str, organisation: str) -> None:
        """The app is installed in the whole organisation, and this is one of its workspaces."""

    async def workspaces(self) -> Sequence[str]:
        """The ids of all."""

    async def forget(self, workspace: str) -> None:
        """Delete the token of one."""


TestToken = Callable[[str], Awaitable[Json]]
"""Asks `auth.test` whose token it is. Raises `PlatformError`."""


class Workspaces:
    """Knows each workspace's token: the one from the environment, and those that OAuth installed."""

    def __init__(
        self,
        *,
        own_token: str | None,
        installations: Installations | None,
        test_token: TestToken,
        clock: Clock,
    ) -> None:
        self._own_token = own_token
        self._installations = installations
        self._test_token = test_token
        self._clock = clock
        self._own: Installed | None = None
        self._asking = asyncio.Lock()
        self._kept = Newest[str, tuple[Installed, float]](MAX_KEPT)
        self._lost: set[str] = set()
        self._organisations: dict[str, str] = {}

    async def of(self, workspace: str) -> Installed:
        """The app in that workspace.

        Raises:
            ThreadGone: it is not installed there, or not any more.
            PlatformError: that could not be found out.
        """
        own = await self.own()
        if own is not None and own.any_workspace:
            return replace(own, workspace=workspace)
        if own is not None and workspace == own.workspace:
            return own
        return await self._installed(workspace)

    async def own(self) -> Installed | None:
        """The workspace whose token is in the environment; None if there is none there."""
        if self._own is None and self._own_token:
            async with self._asking:
                if self._own is None:
                    self._own = await self._identified(self._own_token)
        return self._own

    async def workspace_of(self, body: Json) -> str:
        """Where what Slack sent happened: the workspace that the app is installed in, also where the
        channel is shared with others and a stranger wrote."""
        own = await self.own()
        if own is not None and not own.any_workspace and self._installations is None:
            return own.workspace
        authorised = body.get("authorizations")
        first = authorised[0] if isinstance(authorised, list) and authorised else {}
        team = body.get("team")
        candidates = (
            first.get("team_id"),
            body.get("context_team_id"),
            team.get("id") if isinstance(team, Mapping) else None,
            body.get("team_id"),
        )
        workspace = next((str(each) for each in candidates if each), own.workspace if own else "")
        await self._note_organisation(workspace, first)
        return workspace

    async def all(self) -> Sequence[str]:
        """Every workspace that it is installed in, as far as it is known."""
        own = await self.own()
        names = [own.workspace] if own is not None else []
        if self._installations is not None:
            names += [each for each in await self._installations.workspaces() if each not in names]
        return names

    async def lost(self, workspace: str) -> None:
        """The app was taken out of a workspace: its token is of no use any more, and is deleted."""
        self._kept.pop(workspace, None)
        if self._installations is not None:
            await self._installations.forget(workspace)
        if workspace not in self._lost:
            self._lost.add(workspace)
            log.error("the app was removed from a workspace, or its token revoked", team=workspace)

    def changed(self, workspace: str) -> None:
        """It was installed anew."""
        self._kept.pop(workspace, None)
        self._lost.discard(workspace)

    async def _installed(self, workspace: str) -> Installed:
        now = self._clock.monotonic()
        kept = self._kept.get(workspace)
        if kept is not None and kept[1] > now:
            return kept[0]
        bot = await self._bot_of(workspace)
        if bot is None or not bot.bot_token:
            raise ThreadGone(f"the app is not installed in the workspace {workspace}")
        found = Installed(
            workspace=workspace,
            token=bot.bot_token,
            bot_user_id=bot.bot_user_id,
            bot_id=bot.bot_id,
        )
        self._kept[workspace] = (found, now + KEPT_S)
        return found

    async def _note_organisation(self, workspace: str, authorised: Json) -> None:
        """An installation in a whole organisation has one token for all its workspaces."""
        organisation = authorised.get("enterprise_id")
        if not authorised.get("is_enterprise_install") or not organisation:
            return
        known = self._organisations.get(workspace)
        if self._installations is None or known == organisation:
            return
        await self._installations.belongs(workspace, str(organisation))
        self._organisations[workspace] = str(organisation)

    async def _bot_of(self, workspace: str) -> Bot | None:
        if self._installations is None:
            return None
        try:
            return await self._installations.bot_of(workspace)
        except IntakeUnavailable as error:
            raise PlatformUnavailable(f"the token of {workspace} can't be read: {error}") from error

    async def _identified(self, token: str) -> Installed:
        told = await self._test_token(token)
        return Installed(
            workspace=str(told.get("team_id") or told.get("enterprise_id") or ""),
            token=token,
            bot_user_id=str(told.get("user_id", "")),
            bot_id=str(told.get("bot_id", "")),
            any_workspace=bool(told.get("is_enterprise_install")),
        )
