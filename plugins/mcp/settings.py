"""Which servers there are, and what they may."""

import re
from fnmatch import fnmatchcase
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from bot.plugins import Role

_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
MAX_NAME_CHARS = 24

Seconds = Annotated[float, Field(gt=0, le=600)]


class ServerSettings(BaseModel):
    """One server: a `command` that is run, or the `url` of one that runs elsewhere.

    A value of `env` or `headers` that is `$NAME` is that of the environment variable, so that no secret
    need stand in the file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: str | None = Field(None, min_length=1)
    args: tuple[str, ...] = ()
    env: dict[str, SecretStr] = {}
    cwd: str | None = None
    url: str | None = Field(None, pattern=r"^https?://")
    headers: dict[str, SecretStr] = {}
    tools: tuple[str, ...] = ("*",)
    """Which of its tools are offered: names, in which * stands for anything."""
    confirm: Literal["auto"] | tuple[str, ...] = "auto"
    """Which of them ask the person first; `auto`: all that the server does not call read-only."""
    role: Role = Role.MEMBER
    """Who may have them used."""
    timeout_s: Seconds = 30.0
    max_result_chars: int = Field(20_000, ge=100, le=1_000_000)
    max_tools: int = Field(50, ge=1, le=200)

    @model_validator(mode="after")
    def _one_way(self) -> "ServerSettings":
        if (self.command is None) == (self.url is None):
            raise ValueError("give either a command or a url")
        if self.url is None and self.headers:
            raise ValueError("headers go with a url")
        if self.command is None and (self.args or self.env or self.cwd):
            raise ValueError("args, env and cwd go with a command")
        return self

    @property
    def place(self) -> str:
        """Where it is, without anything that could be secret: a program's name or a host."""
        if self.command is not None:
            return self.command.rpartition("/")[2]
        return urlsplit(self.url or "").hostname or ""

    def offers(self, tool: str) -> bool:
        """Whether this tool of the server is on offer."""
        return any(fnmatchcase(tool, pattern) for pattern in self.tools)

    def asks_first(self, tool: str, *, read_only: bool) -> bool:
        """Whether the person is asked before this tool is used."""
        if self.confirm == "auto":
            return not read_only
        return any(fnmatchcase(tool, pattern) for pattern in self.confirm)


class Settings(BaseModel):
    """The servers, by name: `[plugins.mcp.servers.NAME]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    servers: dict[str, ServerSettings] = {}

    @field_validator("servers")
    @classmethod
    def _names(cls, servers: dict[str, ServerSettings]) -> dict[str, ServerSettings]:
        for name in servers:
            if not _NAME.fullmatch(name) or len(name) > MAX_NAME_CHARS:
                raise ValueError(
                    f'a server can\'t be named "{name}": use at most {MAX_NAME_CHARS} lower-case '
                    "letters and digits, with single hyphens or underscores between them"
                )
        return servers
