"""Slack's Web API: every call is made once, waits as Slack asks for, and fails in the port's words."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.errors import Refused, TokenLost, translated
from adapters.slack.pacing import Pacing
from adapters.slack.proxy import proxy_for
from adapters.slack.workspaces import Workspaces
from bot.ports import PlatformBusy, PlatformError

Json = Mapping[str, Any]

REQUEST_S: Final = 20.0
CONNECT_S: Final = 5.0
MAX_CONNECTIONS: Final = 200
LONGEST_WAIT_S: Final = 4.0
"""A call that would have to stand in line longer than this is given back, with the time it takes."""

_logger = logging.getLogger("slack_sdk.parley")


class Connection:
    """The one HTTP session of an adapter, opened when it is first used."""

    def __init__(self, *, api_url: str) -> None:
        self.api_url = api_url
        self.proxy = proxy_for(api_url)
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session, for files; calls go through `client`."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=REQUEST_S, connect=CONNECT_S),
                connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS),
            )
        return self._session

    def client(
        self, token: str | None = None, *, kind: type[AsyncWebClient] = AsyncWebClient
    ) -> AsyncWebClient:
        """A client of the SDK that repeats nothing of its own accord: what it repeats after a lost
        answer would be said twice."""
        client = kind(
            token=token,
            base_url=self.api_url,
            session=self.session,
            retry_handlers=[],
            logger=_logger,
        )
        client.proxy = self.proxy  # the SDK asks the environment, and knows no exception to it
        return client

    async def aclose(self) -> None:
        """Close the session; a later call opens another."""
        if self._session is not None:
            await self._session.close()


class SlackApi:
    """Calls methods in the name of the bot of a workspace."""

    def __init__(self, *, connection: Connection, workspaces: Workspaces, pacing: Pacing) -> None:
        self.connection = connection
        self.workspaces = workspaces
        self.pacing = pacing

    async def call(self, method: str, workspace: str, **arguments: Any) -> Json:
        """What the method answers.

        Raises:
            PlatformBusy: Slack asks to wait, or is known to.
            PlatformUnavailable: whether it acted is not known.
            MessageGone, ThreadGone: there is nothing to change, or nowhere to speak.
            Refused: any other refusal, with its error string.
        """
        channel = arguments.get("channel")
        installed = await self.workspaces.of(workspace)
        await self._in_turn(method, workspace, channel)
        try:
            return await called(
                self.connection.client(), method, token=installed.token, **arguments
            )
        except PlatformBusy as error:
            self.pacing.refused(method, workspace, channel, error.retry_after_s)
            raise
        except TokenLost:
            await self.workspaces.lost(workspace)
            raise

    async def _in_turn(self, method: str, workspace: str, channel: str | None) -> None:
        """Wait for a place in the line. Raises `PlatformBusy` where that took too long."""
        forbidden_s = self.pacing.forbidden_s(method, workspace, channel)
        if forbidden_s > 0:
            raise PlatformBusy(f"{method}: Slack asked to wait", retry_after_s=forbidden_s)
        wait_s = self.pacing.take(method, workspace, channel)
        if wait_s > LONGEST_WAIT_S:
            self.pacing.give_back(method, workspace, channel)
            raise PlatformBusy(f"{method}: too many at once", retry_after_s=wait_s)
        if wait_s > 0:
            try:
                await self.pacing.clock.sleep(wait_s)
            except asyncio.CancelledError:
                self.pacing.give_back(method, workspace, channel)
                raise


async def called(client: AsyncWebClient, method: str, **arguments: Any) -> Json:
    """What a method answers through the SDK's own function for it. Raises `PlatformError` alone."""
    try:
        response = await getattr(client, method.replace(".", "_"))(**arguments)
    except PlatformError:
        raise
    except Exception as error:
        raise translated(error, method) from error
    if not isinstance(response.data, Mapping):
        raise Refused(f"{method}: an answer that is no object", code="invalid_answer")
    return response.data
