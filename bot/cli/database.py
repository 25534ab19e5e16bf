"""What the commands that look into the database share: settings, a connection, plain errors."""

from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bot.cli.frame import quiet_logs, run_async, settings_or_exit, working

if TYPE_CHECKING:
    from config import Settings
    from storage.database import Database

T = TypeVar("T")


def settings_for_data() -> "Settings":
    """The settings of this process; from now on only warnings and errors are logged."""
    settings = settings_or_exit()
    quiet_logs(settings.secret_values())
    return settings


def settings_to_look() -> "Settings":
    """The same, for a command that only looks; tells if there is no database yet."""
    from storage.database import sqlite_file

    settings = settings_for_data()
    tell_if_missing(sqlite_file(settings.environment.database_url))
    return settings


def tell_if_missing(file: Path | None) -> None:
    """Say that SQLite's file is not there, if so: nothing has happened yet, or DATABASE_URL is mistyped."""
    if file is not None and not file.exists():
        click.echo(
            f"There is no database at {file.absolute()} yet, so there is nothing to see. If yours is "
            "elsewhere, set DATABASE_URL.",
            err=True,
        )


def with_database(
    work: "Callable[[Database], Awaitable[T]]", what: str = "Reading the database"
) -> T:
    """Run `work` on the database of the settings, and close it; `what` tells a person who waits."""
    from bot.vocabulary import SystemClock
    from storage.database import Database

    settings = settings_for_data()

    async def run() -> T:
        database = Database(settings.environment.database_url, clock=SystemClock())
        try:
            return await work(database)
        finally:
            await database.close()

    return run_plainly(run(), what)


def run_plainly(work: Coroutine[Any, Any, T], what: str = "Reading the database") -> T:
    """Run `work` to its end; what the database refuses is told as a sentence, with exit status 1."""
    from storage.errors import StorageError, StorageUnavailable

    try:
        with working(what):
            return run_async(work)
    except StorageUnavailable as error:
        raise click.ClickException(f"{error}; see that DATABASE_URL is right") from error
    except StorageError as error:
        raise click.ClickException(str(error)) from error
