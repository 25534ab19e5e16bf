"""Whether the database answers, takes writes, and has this release's tables."""

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

from bot.vocabulary import Clock, Finding, Verdict
from config import Settings
from config.environment import without_password
from storage.database import Database, sqlite_file
from storage.errors import SchemaBehind, SchemaTooNew, StorageError
from storage.migrations import require_head
from storage.told import tell_once


class _Undo(Exception):
    """Raised at the end of the trial write, so that it leaves nothing behind."""


async def examine_database(settings: Settings, clock: Clock) -> Sequence[Finding]:
    """One finding; a database file that is not there yet is not made."""
    file = sqlite_file(settings.environment.database_url)
    if file is not None and not file.exists():
        return [_not_yet(file)]
    url = settings.environment.database_url
    address = without_password(url)
    try:
        await _try_writing(url, clock)
    except SchemaBehind as error:
        return [_failure(str(error), "Stop the service, then run: parley db upgrade")]
    except SchemaTooNew as error:
        return [_failure(str(error), "Install the newer release, or restore an older backup.")]
    except StorageError as error:
        return [_failure(f"{address}: {error}", "See that DATABASE_URL is right and writable.")]
    said = f"{address} answers, takes writes and is up to date"
    return [Finding(check="database", verdict=Verdict.OK, said=said)]


def nearest_directory(path: Path) -> Path:
    """The deepest directory above `path` that exists."""
    return next(parent for parent in path.absolute().parents if parent.is_dir())


async def _try_writing(url: str, clock: Clock) -> None:
    now = clock.now()
    until = now + timedelta(seconds=1)
    database = Database(url, clock=clock)
    try:
        await database.read(require_head)
        await database.write(
            lambda trial: _take_back(tell_once(trial, "doctor", now=now, until=until))
        )
    except _Undo:
        return
    finally:
        await database.close()


def _take_back(_: object) -> NoReturn:
    raise _Undo


def _not_yet(file: Path) -> Finding:
    directory = nearest_directory(file)
    if os.access(directory, os.W_OK | os.X_OK):
        said = f"{file} is not there yet; the first start makes it"
        return Finding(check="database", verdict=Verdict.OK, said=said)
    return _failure(
        f"{file} is not there, and can't be made: {directory} is not writable",
        "Make the directory writable for this user, or set DATABASE_URL.",
    )


def _failure(said: str, remedy: str) -> Finding:
    return Finding(check="database", verdict=Verdict.FAILURE, said=said, remedy=remedy)
