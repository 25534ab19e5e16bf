"""Databases with empty tables."""

from storage.migrations.ready import make_tables, ready_sqlite

__all__ = ["make_tables", "ready_sqlite"]
