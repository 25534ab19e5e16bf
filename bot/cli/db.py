"""`parley db`: the database's tables, its health, and copies of it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.database import with_database
from bot.cli.frame import examples, json_option, print_json, settings_or_exit

if TYPE_CHECKING:
    from storage.database import Database


@click.group("db")
def command() -> None:
    """Upgrade, check or back up the database."""


@command.command("upgrade", epilog=examples("parley db upgrade"))
@json_option
def upgrade(as_json: bool) -> None:
    """Bring the tables up to date. A SQLite database that holds anything is copied first."""
    from storage.migrations.start import bring_up_to_date

    done = with_database(bring_up_to_date, "Bringing the tables up to date")
    if as_json:
        copy = None if done.backup is None else str(done.backup)
        print_json(
            {"before": done.before, "after": done.after, "changed": done.changed, "backup": copy}
        )
        return
    if done.backup is not None:
        click.echo(f"The database was copied to {done.backup} first.")
    said = (
        f"from {done.before or 'nothing'} to {done.after}" if done.changed else "already up to date"
    )
    click.echo(f"Tables: {said}.")


@command.command("check", epilog=examples("parley db check", "parley db check --json"))
@json_option
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """See whether the database answers, has this release's tables, and agrees with itself."""
    found = with_database(_examine, "Looking at the database")
    if as_json:
        print_json({"ok": not found, "problems": found})
        ctx.exit(1 if found else 0)
    if found:
        raise click.ClickException("\n".join(found))
    click.echo("The database answers, is up to date and agrees with itself.")


@command.command(
    "backup", epilog=examples("parley db backup", "parley db backup /backups/parley-monday.db")
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@json_option
def make_backup(file: Path | None, as_json: bool) -> None:
    """Copy a SQLite database to FILE (a new name beside it unless given) while the service runs."""
    target, size_bytes = with_database(
        lambda database: _back_up(database, file), "Copying the database"
    )
    if as_json:
        print_json({"file": str(target), "size_bytes": size_bytes})
    else:
        click.echo(f"Copied {size_bytes:,} bytes to {target}.")


async def _examine(database: "Database") -> list[str]:
    from storage import integrity, migrations

    if database.file is not None and not database.file.exists():
        return [f"{database.file} is not there yet; the first start makes it"]
    await database.read(migrations.require_head)
    return await database.read(integrity.problems, now=database.now())


async def _back_up(database: "Database", file: Path | None) -> tuple[Path, int]:
    from storage import backup

    if database.file is None:
        dump = backup.dump_command(
            settings_or_exit().environment.database_url, str(file or "parley.dump")
        )
        raise click.ClickException(f"PostgreSQL is backed up by its own tool. Run: {dump}")
    if not database.file.exists():
        raise click.ClickException(f"{database.file} is not there yet; there is nothing to copy")
    target = file or backup.backup_name(database.file, database.now())
    return target, await database.read(backup.copy_to, target)
