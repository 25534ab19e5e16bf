"""Looking at the app as Slack sees it: tokens, scopes, and whether events can come."""

from collections.abc import Collection, Sequence
from typing import Final

from adapters.slack.api import Connection, called
from adapters.slack.errors import translated
from bot.ports import PlatformError
from bot.vocabulary import Finding, Verdict

APP: Final = "https://api.slack.com/apps"


class Doctor:
    """Asks Slack, and changes nothing there."""

    def __init__(
        self,
        *,
        connection: Connection,
        bot_token: str | None,
        app_token: str | None,
        mode: str,
        scopes: Collection[str],
    ) -> None:
        self._connection = connection
        self._bot_token = bot_token
        self._app_token = app_token
        self._mode = mode
        self._scopes = scopes

    async def diagnose(self) -> Sequence[Finding]:
        """What it found."""
        findings: list[Finding] = []
        if self._bot_token:
            findings += await self._bot()
        else:
            findings.append(_ok("Slack bot", "workspaces are installed by /slack/install"))
        findings.append(await self._way_in())
        return findings

    async def _bot(self) -> Sequence[Finding]:
        try:
            answer = await self._connection.client(self._bot_token).auth_test()
        except Exception as error:
            return [
                _bad(
                    "Slack bot",
                    str(translated(error, "auth.test")),
                    f"Copy the Bot User OAuth Token (xoxb-…) from OAuth & Permissions at {APP} "
                    "into SLACK_BOT_TOKEN.",
                )
            ]
        said = f"@{answer.get('user')} in {answer.get('team')}"
        granted = answer.headers.get("x-oauth-scopes") or ""
        return [_ok("Slack bot", said), self._granted(granted)]

    def _granted(self, header: str) -> Finding:
        granted = {scope.strip() for scope in header.split(",") if scope.strip()}
        missing = sorted(set(self._scopes) - granted)
        if not granted:
            return Finding(
                check="Slack scopes",
                verdict=Verdict.WARNING,
                said="Slack did not tell which scopes the token has",
                remedy="Compare them with config/slack-manifest.yaml.",
            )
        if missing:
            return _bad(
                "Slack scopes",
                f"missing: {', '.join(missing)}",
                f"Add them under OAuth & Permissions at {APP}, or paste config/slack-manifest.yaml "
                "under App Manifest, and install the app again.",
            )
        return _ok("Slack scopes", f"all {len(self._scopes)} are granted")

    async def _way_in(self) -> Finding:
        if self._mode == "http":
            return _ok("Slack events", "come to PARLEY_HTTP at /slack/events, signed")
        try:
            await open_socket(self._connection, self._app_token or "")
        except PlatformError as error:
            return _bad("Slack events", str(error), _SOCKET_REMEDY)
        return _ok("Slack events", "Socket Mode can be opened")


_SOCKET_REMEDY: Final = (
    f"Turn on Socket Mode at {APP}, make an App-Level Token (xapp-…) with connections:write under Basic "
    "Information, and set SLACK_APP_TOKEN to it."
)


async def open_socket(connection: Connection, app_token: str) -> str:
    """The address of a socket to connect to. Raises `PlatformError`."""
    answer = await called(connection.client(), "apps.connections.open", app_token=app_token)
    return str(answer["url"])


def _ok(check: str, said: str) -> Finding:
    return Finding(check=check, verdict=Verdict.OK, said=said)


def _bad(check: str, said: str, remedy: str) -> Finding:
    return Finding(check=check, verdict=Verdict.FAILURE, said=said, remedy=remedy)
