"""What acceptance tests share: a database with its tables made."""

from pathlib import Path

import pytest

from storage.migrations.ready import ready_sqlite


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The address of a SQLite database with empty tables."""
    return ready_sqlite(tmp_path / "ready.db")
