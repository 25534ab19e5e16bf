"""A folder as an operator keeps it, for tests about settings."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from textwrap import dedent

from config import Settings, SettingsError, load_settings

TODAY = date(2026, 11, 23)


@dataclass(frozen=True, slots=True)
class OperatorsHome:
    """Files in `folder`, variables in `environ`, and the day on which settings are read."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, text: str) -> Path:
        """Put a file into the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
        return path

    def settings(self, toml: str | None = None, *, today: date = TODAY) -> Settings:
        """The settings in force, with `toml` as the settings file."""
        if toml is not None:
            self.write("parley.toml", toml)
        return load_settings(self.environ, self.folder, today=today)

    def complaints(self, toml: str | None = None, *, today: date = TODAY) -> list[str]:
        """What the operator is told, line by line; none if the settings can be used."""
        try:
            self.settings(toml, today=today)
        except SettingsError as error:
            return str(error).splitlines()
        return []
