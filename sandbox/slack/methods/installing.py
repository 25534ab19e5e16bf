"""Who the app is and where it is installed: `auth.*`, `oauth.v2.access`, `apps.connections.open`."""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import replace

from sandbox.slack.call import Answer, Call, Method, Methods
from sandbox.slack.errors import SlackError
from sandbox.slack.platform import Platform
from sandbox.slack.world import InstallationState


class InstallingMethods:
    """Tokens."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def table(self) -> Methods:
        """Those that take a bot token."""
        return {
            "api.test": Method(lambda call: {"args": dict(call.args.given)}, tier=4),
            "auth.test": Method(self.test, tier=0),
            "auth.revoke": Method(self.revoke, tier=3),
        }

    def open_table(self) -> Methods:
        """Those that take another token, or none."""
        return {
            "apps.connections.open": Method(self.open_socket, tier=1),
            "oauth.v2.access": Method(self.exchange, tier=4),
        }

    def test(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/auth.test"""
        team = self._platform.world.workspace(call.team_id)
        bot = self._platform.world.user(call.installation.bot_user_id)
        return {
            "url": f"https://{team.domain}.slack.com/",
            "team": team.name,
            "user": bot.name,
            "team_id": team.id,
            "user_id": bot.id,
            "bot_id": call.installation.bot_id,
            "is_enterprise_install": False,
        }

    def revoke(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/auth.revoke"""
        if call.args.flag("test"):
            return {"revoked": False}
        self._platform.world.keep(replace(call.installation, state=InstallationState.REVOKED))
        return {"revoked": True}

    def open_socket(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/apps.connections.open"""
        token = call.args.text("token")
        if not token:
            raise SlackError("not_authed")
        if token != self._platform.world.app.app_token:
            known = self._platform.world.installation_of(token) is not None
            raise SlackError("not_allowed_token_type" if known else "invalid_auth")
        if self._platform.sockets.links_disabled:
            raise SlackError("forbidden_team")
        return {"url": self._platform.sockets.new_link()}

    def exchange(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/oauth.v2.access"""
        app = self._platform.world.app
        given = _basic(call.args.text("authorization")) or (
            call.args.text("client_id"),
            call.args.text("client_secret"),
        )
        if given[0] != app.client_id:
            raise SlackError("invalid_client_id")
        if given[1] != app.client_secret:
            raise SlackError("bad_client_secret")
        team_id = self._platform.oauth_codes.pop(call.args.text("code"), None)
        if team_id is None:
            raise SlackError("invalid_code")
        installation = self._platform.world.installation(team_id)
        team = self._platform.world.workspace(team_id)
        return {
            "access_token": installation.bot_token,
            "token_type": "bot",
            "scope": ",".join(sorted(installation.scopes)),
            "bot_user_id": installation.bot_user_id,
            "app_id": app.id,
            "team": {"id": team.id, "name": team.name},
            "enterprise": None,
            "is_enterprise_install": False,
            "authed_user": {"id": next(self._people_of(team_id))},
        }

    def _people_of(self, team_id: str) -> Iterator[str]:
        return (
            user.id
            for user in self._platform.world.users
            if user.team_id == team_id and not user.is_bot
        )


def _basic(header: str) -> tuple[str, str] | None:
    if not header.startswith("Basic "):
        return None
    try:
        name, _, secret = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return name, secret
