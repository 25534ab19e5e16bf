"""Database engines that outlive a test.

A service compiles a statement once and runs it for weeks; a test runs it a few times, and compiling was a
fifth of what it cost. What SQLAlchemy has compiled belongs to an engine: so the engine that one test is
done with serves the next one, on that test's database and with connections of that test's own.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from storage import sqlite

_make_sqlite = sqlite._engine


@dataclass
class KeptEngine:
    """An engine, and where it connects to at the moment."""

    address: Any
    engine: Engine | AsyncEngine = field(init=False)

    def forget_connections(self) -> None:
        """Those that the test left open are its own."""
        engine = self.engine.sync_engine if isinstance(self.engine, AsyncEngine) else self.engine
        engine.dispose(close=False)


@dataclass
class KeptEngines:
    """Those that the running test has, and those that wait for the next one, by what they were made for."""

    _taken: list[tuple[object, KeptEngine]] = field(default_factory=list)
    _spare: dict[object, list[KeptEngine]] = field(default_factory=dict)

    def sqlite(self, path: Path, *, begin: str, pool_size: int) -> Engine:
        """As the backend for SQLite makes one."""

        def make() -> KeptEngine:
            made = KeptEngine(path)
            made.engine = _make_sqlite(path, begin=begin, pool_size=pool_size)

            @event.listens_for(made.engine, "do_connect")
            def connect(_: object, __: object, arguments: list[Any], ___: object) -> None:
                arguments[0] = str(made.address)

            return made

        engine = self._take(("sqlite", begin, pool_size), path, make)
        assert isinstance(engine, Engine)
        return engine

    def postgres(
        self, url: str, *, async_creator: Callable[[], Any], **options: Any
    ) -> AsyncEngine:
        """As the backend for PostgreSQL makes one."""

        def make() -> KeptEngine:
            made = KeptEngine(async_creator)
            made.engine = create_async_engine(url, async_creator=lambda: made.address(), **options)
            return made

        engine = self._take((url, *sorted(options.items())), async_creator, make)
        assert isinstance(engine, AsyncEngine)
        return engine

    def give_back(self) -> None:
        """A test is done with its engines."""
        for kind, kept in self._taken:
            kept.forget_connections()
            self._spare.setdefault(kind, []).append(kept)
        self._taken.clear()

    def _take(
        self, kind: object, address: object, make: Callable[[], KeptEngine]
    ) -> Engine | AsyncEngine:
        spare = self._spare.get(kind)
        kept = spare.pop() if spare else make()
        kept.address = address
        self._taken.append((kind, kept))
        return kept.engine
