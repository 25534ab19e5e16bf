"""Slack's Web API: every call is made once, waits as Slack asks for, and fails in the port's words."""

import logging
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.errors import Refused, TokenLost, translated
from adapters.slack.pacing import Call, Pacing
from adapters.slack.payloads import Json
from adapters.slack.proxy import proxy_for
from adapters.slack.workspaces import Workspaces
from bot.ports import PlatformBusy, PlatformError

REQUEST_S: Final = 20.0
CONNECT_S: Final = 5.0
MAX_CONNECTIONS: Final = 200
LONGEST_WAIT_S: Final = 4.0
"""A call that has to stand in line longer than this comes back when its turn has come."""

_logger = logging.getLogger("slack_sdk.parley")


class Connection:
    """The one HTTP session of an adapter, opened when it is first used."""

    def __init__(self, *, api_url: str) -> None:
        self.api_url = api_url
        self.proxy = proxy_for(api_url)
        self._session: aiohttp.ClientSession | None = None
        self._shared_client: AsyncWebClient | None = None

    @property
    def shared_client(self) -> AsyncWebClient:
        """A client that is given a token with each call."""
        if self._shared_client is None or self._shared_client.session is not self.session:
            self._shared_client = self.client()
        return self._shared_client

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
        about = arguments.get("ts") or arguments.get("thread_ts") or arguments.get("user") or ""
        call = Call(method, workspace, channel, f"{channel}:{about}")
        installed = await self.workspaces.of(workspace)
        await self._in_turn(call)
        try:
            return await called(
                self.connection.shared_client, method, token=installed.token, **arguments
            )
        except PlatformBusy as error:
            self.pacing.refused(call, error.retry_after_s)
            raise
        except TokenLost:
            await self.workspaces.lost(workspace)
            raise

    async def _in_turn(self, call: Call) -> None:
        """Wait for the call's turn. Raises `PlatformBusy` where that takes long; the place in the line
        is kept."""
        wait_s = self.pacing.wait_s(call)
        if wait_s > LONGEST_WAIT_S:
            raise PlatformBusy(f"{call.method}: too many at once", retry_after_s=wait_s)
        if wait_s > 0:
            await self.pacing.clock.sleep(wait_s)
            self.pacing.come(call)


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
