"""Installing the app in more workspaces (https://docs.slack.dev/authentication/installing-with-oauth)."""

import logging
from collections.abc import Sequence

from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.oauth.installation_store import Installation
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from adapters.slack.api import Connection
from adapters.slack.credentials import PUBLIC_API
from adapters.slack.http import INSTALL_PATH, REDIRECT_PATH
from adapters.slack.installations import InstallationStore, StateStore
from adapters.slack.workspaces import Workspaces

_logger = logging.getLogger("slack_bolt.parley.oauth")


class _Client(AsyncWebClient):
    """The SDK's client; it sends the app's credentials in a way that aiohttp has not deprecated."""

    async def oauth_v2_access(
        self,
        *,
        client_id: str,
        client_secret: str,
        code: str | None = None,
        redirect_uri: str | None = None,
        grant_type: str | None = None,
        refresh_token: str | None = None,
        **_others: object,
    ) -> AsyncSlackResponse:
        """https://docs.slack.dev/reference/methods/oauth.v2.access"""
        return await self.api_call(
            "oauth.v2.access",
            data={
                "client_id": client_id,
                "client_secret": client_secret,
                "code": code,
                "redirect_uri": redirect_uri,
                "grant_type": grant_type,
                "refresh_token": refresh_token,
            },
        )


class OAuthFlow(AsyncOAuthFlow):
    """Bolt's flow; and the workspace's token is known at once."""

    def __init__(
        self, *, workspaces: Workspaces, connection: Connection, settings: AsyncOAuthSettings
    ) -> None:
        super().__init__(client=connection.client(kind=_Client), logger=_logger, settings=settings)
        self._workspaces = workspaces

    async def store_installation(
        self, request: AsyncBoltRequest, installation: Installation
    ) -> None:
        """Keep it, and use it from now on."""
        await super().store_installation(request, installation)
        self._workspaces.changed(installation.team_id or installation.enterprise_id or "")


def oauth_flow(
    *,
    client_id: str,
    client_secret: str,
    scopes: Sequence[str],
    installations: InstallationStore,
    states: StateStore,
    workspaces: Workspaces,
    connection: Connection,
) -> OAuthFlow:
    """The flow behind `/slack/install` and `/slack/oauth_redirect`."""
    settings = AsyncOAuthSettings(
        client_id=client_id,
        client_secret=client_secret,
        scopes=list(scopes),
        user_scopes=[],
        install_path=INSTALL_PATH,
        redirect_uri_path=REDIRECT_PATH,
        authorization_url=_authorization_url(connection.api_url),
        installation_store=installations,
        installation_store_bot_only=True,
        state_store=states,
        logger=_logger,
    )
    return OAuthFlow(workspaces=workspaces, connection=connection, settings=settings)


def _authorization_url(api_url: str) -> str | None:
    """Where people are sent to agree: beside the API, if that is not Slack's own."""
    if api_url == PUBLIC_API:
        return None
    return f"{api_url.removesuffix('api/')}oauth/v2/authorize"
