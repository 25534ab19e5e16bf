"""A service whose one platform is this terminal: what `chat` and `sandbox` share."""

import asyncio
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

import click

from bot.app import build, data_dir, make_adapter, open_database, replica_name
from bot.cli.serving import log_as_set, stopped_by
from bot.ports import Adapter
from bot.vocabulary import SystemClock
from config import Settings
from storage.database import Database
from storage.errors import StorageError

LOG_FILE = "parley.log"
PATIENCE_S = 5.0
"""A database that has not answered after this long is said to be waited for."""


async def talk(settings: Settings, *, first_message: str | None, listen: bool = True) -> None:
    """Run until the conversation ends, or a signal comes; without `listen`, until a signal comes.

    Logs go to a file beside the database: the terminal is for the conversation.
    """
    clock, replica = SystemClock(), replica_name()
    directory = data_dir(settings)
    with ExitStack() as stack:
        log = stack.enter_context(_log_file(directory))
        log_as_set(settings, clock, stream=log)
        database = open_database(settings, clock)
        adapters: dict[str, Adapter] = {}
        if listen:
            adapter = make_adapter(
                "terminal",
                settings=settings,
                clock=clock,
                database=database,
                replica=replica,
                first_message=first_message,
            )
            adapters[adapter.name] = adapter
        service = build(
            settings=settings,
            adapters=adapters,
            clock=clock,
            database=database,
            replica=replica,
            with_web=not listen,
        )
        stop = stopped_by(signal.SIGTERM, signal.SIGINT)
        telling = asyncio.create_task(_tell_if_away(database), name="database away")
        try:
            await service.run(stop)
        finally:
            telling.cancel()


async def _tell_if_away(database: Database) -> None:
    """Say that the database is waited for; the log, where else it would stand, is in a file."""
    if database.file is not None:
        return  # a file is there or not at once, and looking would make it
    try:
        async with asyncio.timeout(PATIENCE_S):
            await database.ping()
    except (StorageError, TimeoutError) as error:
        why = str(error) or f"it does not answer within {PATIENCE_S:g} s"
        click.echo(f"Waiting for the database ({why}). Ctrl-C ends.", err=True)


def _log_file(directory: Path) -> TextIO:
    """The log, opened to be added to. Raises `click.ClickException` where nothing can be kept."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        return (directory / LOG_FILE).open("a", encoding="utf-8")
    except OSError as error:
        raise click.ClickException(
            f"nothing can be kept in {directory.absolute()}: {error.strerror}; "
            "see that DATABASE_URL is right"
        ) from error
