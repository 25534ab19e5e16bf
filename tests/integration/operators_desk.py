"""An operator at a shell: commands are given, and what they say is read."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.cli import invoke


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its output, which must be one JSON value and nothing else; it must have ended well."""
        assert self.status == 0, self.err
        return json.loads(self.out)

    @property
    def sentence(self) -> str:
        """The plain sentence with which it failed."""
        assert self.status == 1, self
        assert self.out == ""
        assert "Traceback" not in self.err
        return self.err


class OperatorsDesk:
    """A directory with settings, and an environment with the address of the database."""

    def __init__(
        self,
        directory: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        self.directory = directory
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        monkeypatch.chdir(directory)

    def set(self, **variables: str) -> None:
        """Set environment variables, such as `DATABASE_URL`."""
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)

    def write(self, toml: str) -> None:
        """Write the settings file."""
        (self.directory / "parley.toml").write_text(toml)

    def write_text(self, name: str, text: str) -> None:
        """Write another file."""
        (self.directory / name).write_text(text)

    async def parley(self, *arguments: str) -> Said:
        """Give a command; whatever the test has started runs on meanwhile."""
        self._capsys.readouterr()
        status = await asyncio.to_thread(invoke, arguments)
        return Said(status, *self._capsys.readouterr())
