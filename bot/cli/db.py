"""`parley db`: the database's tables, its health, and copies of it."""

from pathlib import Path

import click

from bot.cli.database import with_database
from bot.cli.frame import settings_or_exit
from storage import backup, integrity, migrations
from storage.database import Database
from storage.migrations.start import bring_up_to_date


@click.group("db")
def command() -> None:
    """Upgrade, check or back up the database."""


@command.command("upgrade")
def upgrade() -> None:
    """Bring the tables up to date. A SQLite database that holds anything is copied first."""
    done = with_database(bring_up_to_date)
    if done.backup is not None:
        click.echo(f"The database was copied to {done.backup} first.")
    said = (
        f"from {done.before or 'nothing'} to {done.after}" if done.changed else "already up to date"
    )
    click.echo(f"Tables: {said}.")


@command.command("check")
def check() -> None:
    """See whether the database answers, has this release's tables, and agrees with itself."""
    found = with_database(_examine)
    if found:
        raise click.ClickException("\n".join(found))
    click.echo("The database answers, is up to date and agrees with itself.")


@command.command("backup")
@click.argument("file", required=False, type=click.Path(path_type=Path))
def make_backup(file: Path | None) -> None:
    """Copy a SQLite database to FILE (a new name beside it unless given) while the service runs."""
    with_database(lambda database: _back_up(database, file))


async def _examine(database: Database) -> list[str]:
    if database.file is not None and not database.file.exists():
        return [f"{database.file} is not there yet; the first start makes it"]
    await database.read(migrations.require_head)
    return await database.read(integrity.problems, now=database.now())


async def _back_up(database: Database, file: Path | None) -> None:
    if database.file is None:
        dump = backup.dump_command(
            settings_or_exit().environment.database_url, str(file or "parley.dump")
        )
        raise click.ClickException(f"PostgreSQL is backed up by its own tool. Run: {dump}")
    if not database.file.exists():
        raise click.ClickException(f"{database.file} is not there yet; there is nothing to copy")
    target = file or backup.backup_name(database.file, database.now())
    size_bytes = await database.read(backup.copy_to, target)
    click.echo(f"Copied {size_bytes:,} bytes to {target}.")
