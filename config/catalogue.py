"""The models that may be used, by id."""

import functools
import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType

from config.catalogue_file import read_catalogue_file
from config.model import Model

SHIPPED_FILE = Path(__file__).with_name("models.toml")

# `claude-sonnet-5-5-20260901` and `claude-sonnet-5-5-latest` are the model without the ending.
_SNAPSHOT = re.compile(r"-(?:\d{8}|latest)$")


class Catalogue:
    """All known models by id. `checked_on` is the day the prices were last compared with the
    provider's page; None: not told."""

    def __init__(self, models: Mapping[str, Model], *, checked_on: date | None = None) -> None:
        self._models = MappingProxyType(dict(models))
        self.checked_on = checked_on

    @classmethod
    def load(cls, path: Path, *, name: str | None = None) -> "Catalogue":
        """Read a catalogue file. Raises `SettingsError` with a line for every problem in it;
        `name` is how those lines call the file, by default its path."""
        models, checked_on = read_catalogue_file(path, name=name)
        return cls(models, checked_on=checked_on)

    @classmethod
    @functools.cache  # it never changes, and reading it takes some milliseconds
    def shipped(cls) -> "Catalogue":
        """The catalogue that comes with Parley, `config/models.toml`."""
        return cls.load(SHIPPED_FILE)

    def extended_by(self, other: "Catalogue") -> "Catalogue":
        """This catalogue with the other's models added; a model in both is the other's."""
        return Catalogue(
            {model.id: model for model in (*self, *other)},
            checked_on=other.checked_on or self.checked_on,
        )

    def get(self, model_id: str) -> Model | None:
        """The model with this id; a dated snapshot or `-latest` without an entry of its own is its
        model. None if it is not known."""
        return self._models.get(model_id) or self._models.get(_SNAPSHOT.sub("", model_id))

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all models, in the order of the file."""
        return tuple(self._models)

    def __iter__(self) -> Iterator[Model]:
        return iter(self._models.values())

    def __len__(self) -> int:
        return len(self._models)

    def __repr__(self) -> str:
        return f"Catalogue({len(self)} models, checked on {self.checked_on})"
