"""What comes from environment variables: secrets, addresses, and where the settings file is."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from config.sections import Section

VARIABLES: dict[str, tuple[str, str]] = {
    "ANTHROPIC_API_KEY": ("secrets", "anthropic_api_key"),
    "ANTHROPIC_ADMIN_KEY": ("secrets", "anthropic_admin_key"),
    "ANTHROPIC_BASE_URL": ("environment", "anthropic_base_url"),
    "SLACK_BOT_TOKEN": ("secrets", "slack_bot_token"),
    "SLACK_APP_TOKEN": ("secrets", "slack_app_token"),
    "SLACK_SIGNING_SECRET": ("secrets", "slack_signing_secret"),
    "SLACK_CLIENT_ID": ("secrets", "slack_client_id"),
    "SLACK_CLIENT_SECRET": ("secrets", "slack_client_secret"),
    "SLACK_API_URL": ("environment", "slack_api_url"),
    "DISCORD_TOKEN": ("secrets", "discord_token"),
    "PARLEY_WEB_TOKEN": ("secrets", "parley_web_token"),
    "DISCORD_API_URL": ("environment", "discord_api_url"),
    "DATABASE_URL": ("environment", "database_url"),
    "PARLEY_SECRET_KEY": ("secrets", "parley_secret_key"),
    "PARLEY_CONFIG": ("environment", "config_file"),
    "PARLEY_HTTP": ("environment", "http"),
}
"""Every variable that is read by name, and where its value stands in the settings."""

_ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):(?P<port>\d{1,5})")


@dataclass(frozen=True, slots=True)
class HttpAddress:
    """Where a server listens; port 0 is any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> "HttpAddress":
        """Read `host:port`. Raises `ValueError` on anything else."""
        match = _ADDRESS.fullmatch(text)
        if match is None or int(match["port"]) > 65_535:
            raise ValueError("must be host:port; write it as 127.0.0.1:8080 or 0.0.0.0:8080")
        return cls(match["host"].strip("[]"), int(match["port"]))


MIN_WEB_TOKEN_CHARS = 16

_PASSWORD = re.compile(r"^([^/]*//[^/@:]*:)([^/]*)@")


def _sendable(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]+", secret.get_secret_value()):
        raise ValueError("holds a blank, a line break or a letter beyond ASCII; copy it once more")
    return secret


def _http_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("is not a web address; write it as https://host/path")
    return text


def _slack_url(text: str) -> str:
    url = _http_url(text).rstrip("/") + "/"
    if not url.endswith("/api/"):
        raise ValueError("does not end in /api/; write it as https://slack.com/api/")
    return url


def _discord_url(text: str) -> str:
    url = _http_url(text).rstrip("/")
    if not url.endswith("/api/v10"):
        raise ValueError("does not end in /api/v10; write it as https://discord.com/api/v10")
    return url


def _database_url(text: str) -> str:
    text = re.sub(r"^postgres://", "postgresql://", text)  # as several hosts still write it
    if not re.match(r"sqlite:///.+|postgresql://.+", text):
        raise ValueError(
            "is not a database this bot knows; write it as sqlite:///data/parley.db"
            " or postgresql://user:password@host/database"
        )
    return text


def _hard_to_guess(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < MIN_WEB_TOKEN_CHARS:
        remedy = "make one with `openssl rand -hex 24`"
        raise ValueError(f"is shorter than {MIN_WEB_TOKEN_CHARS} characters; {remedy}")
    return secret


def _not_the_other(prefix: str, kind: str, variable: str) -> AfterValidator:
    """Slack's two tokens are easily swapped; each begins with what it is."""

    def check(secret: SecretStr) -> SecretStr:
        if secret.get_secret_value().startswith(prefix):
            raise ValueError(f"is {kind} token; put it into {variable}, and the other one here")
        return secret

    return AfterValidator(check)


Secret = Annotated[SecretStr, AfterValidator(_sendable)]
BotToken = Annotated[Secret, _not_the_other("xapp-", "an app-level", "SLACK_APP_TOKEN")]
AppToken = Annotated[Secret, _not_the_other("xoxb-", "a bot's", "SLACK_BOT_TOKEN")]


class Secrets(Section):
    """What must never be shown. None: not set."""

    anthropic_api_key: Secret | None = None
    anthropic_admin_key: Secret | None = None
    slack_bot_token: BotToken | None = None
    slack_app_token: AppToken | None = None
    slack_signing_secret: Secret | None = None
    slack_client_id: Secret | None = None
    slack_client_secret: Secret | None = None
    discord_token: Secret | None = None
    parley_web_token: Annotated[Secret, AfterValidator(_hard_to_guess)] | None = None
    parley_secret_key: Secret | None = None


class Environment(Section):
    """Where things are. An address may hold a password, and so stays out of `repr`."""

    anthropic_base_url: Annotated[str, AfterValidator(_http_url)] = Field(
        "https://api.anthropic.com", repr=False
    )
    slack_api_url: Annotated[str, AfterValidator(_slack_url)] = Field(
        "https://slack.com/api/", repr=False
    )
    discord_api_url: Annotated[str, AfterValidator(_discord_url)] = Field(
        "https://discord.com/api/v10", repr=False
    )
    database_url: Annotated[str, AfterValidator(_database_url)] = Field(
        "sqlite:///data/parley.db", repr=False
    )
    config_file: Path | None = Field(None, strict=False)
    http: Annotated[
        HttpAddress,
        BeforeValidator(lambda v: HttpAddress.parse(v) if isinstance(v, str) else v),
    ] = HttpAddress("127.0.0.1", 8080)


def without_password(url: str) -> str:
    """The address with the password in it, if any, replaced by stars."""
    return _PASSWORD.sub(r"\1***@", url)


def passwords_in(url: str) -> tuple[str, ...]:
    """The password in the address, as written and decoded; nothing if there is none."""
    match = _PASSWORD.match(url)
    return tuple(dict.fromkeys((match[2], unquote(match[2])))) if match else ()
