"""Tokens and settings of the adapter, as plain values."""

from collections.abc import Collection
from dataclasses import dataclass

from bot.ports import AdapterSetup, PlatformError

PUBLIC_API = "https://slack.com/api/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What lets the adapter in. `bot_token` is that of one workspace; with the client's id and secret
    others can install the app."""

    bot_token: str | None = None
    app_token: str | None = None
    signing_secret: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    secret_key: str | None = None

    @property
    def installs(self) -> bool:
        """Other workspaces can install the app."""
        return bool(self.client_id and self.client_secret and self.secret_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackConfig:
    """How the adapter works."""

    credentials: Credentials
    api_url: str = PUBLIC_API
    mode: str = "socket"
    scopes: Collection[str] = ()
    """The scopes that the app's manifest asks for."""
    catch_up_max_age_s: float = 86_400.0

    @classmethod
    def from_setup(cls, setup: AdapterSetup) -> "SlackConfig":
        """From what the composition root gives. Raises `PlatformError` if something is missing."""
        given, scopes = setup.secrets, setup.settings.get("bot_scopes")
        config = cls(
            credentials=Credentials(
                bot_token=given.get("SLACK_BOT_TOKEN"),
                app_token=given.get("SLACK_APP_TOKEN"),
                signing_secret=given.get("SLACK_SIGNING_SECRET"),
                client_id=given.get("SLACK_CLIENT_ID"),
                client_secret=given.get("SLACK_CLIENT_SECRET"),
                secret_key=given.get("PARLEY_SECRET_KEY"),
            ),
            api_url=setup.addresses.get("SLACK_API_URL") or PUBLIC_API,
            mode=str(setup.settings.get("mode") or "socket"),
            scopes=tuple(map(str, scopes)) if isinstance(scopes, list | tuple) else (),
            catch_up_max_age_s=setup.catch_up_max_age_s,
        )
        config.check()
        return config

    def check(self) -> None:
        """Raise `PlatformError` if it can't work so; the message says what to set."""
        credentials = self.credentials
        if not credentials.bot_token and not credentials.installs:
            raise PlatformError(
                "set SLACK_BOT_TOKEN, or SLACK_CLIENT_ID, SLACK_CLIENT_SECRET and PARLEY_SECRET_KEY"
            )
        if self.mode == "socket" and not credentials.app_token:
            raise PlatformError("Socket Mode needs SLACK_APP_TOKEN")
        if self.mode == "http" and not credentials.signing_secret:
            raise PlatformError("HTTP mode needs SLACK_SIGNING_SECRET")
