"""`parley turns`: the turns that failed, and trying them again."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from bot.cli.database import tell_if_missing, with_database
from bot.cli.frame import examples, json_option, print_json, print_table

if TYPE_CHECKING:
    from storage.database import Database
    from storage.turns import Turn

LISTED = 200
LOOKED_THROUGH = 100_000
"""A turn that is named is found however many were parked after it."""


@click.group("turns", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Look at turns that were parked because they failed, and try them again."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_parked, as_json=False)


@command.command("list", epilog=examples("parley turns", "parley turns list --json"))
@json_option
def list_parked(as_json: bool) -> None:
    """List parked turns, the newest first."""
    parked = with_database(lambda database: _parked(database, limit=LISTED))
    if as_json:
        print_json([_fields(turn) for turn in parked])
    elif parked:
        rows = [tuple(str(value) for value in _fields(turn).values()) for turn in parked]
        print_table(("Turn", "Reference", "Thread", "Opened", "Why"), rows)
    else:
        click.echo("No turn is parked.")


@command.command("show", epilog=examples("parley turns show K3F9QX2"))
@click.argument("turn")
@json_option
def show(turn: str, as_json: bool) -> None:
    """Show one turn, by its id or by the reference that a person was told."""
    found = with_database(lambda database: _find(database, turn))
    if found is None:
        raise click.ClickException(_unknown(turn))
    fields = {**_fields(found), "status": found.status.value, "outcome": found.outcome}
    if as_json:
        print_json(fields)
    else:
        rows = [(name, "" if value is None else str(value)) for name, value in fields.items()]
        print_table(("Field", "Value"), rows)


@command.command(
    "retry",
    epilog=examples(
        "parley turns retry K3F9QX2",
        "parley turns list --json | jq -r '.[].turn' | xargs parley turns retry",
    ),
)
@click.argument("which", nargs=-1, required=True, metavar="TURN...")
@json_option
@click.pass_context
def retry(ctx: click.Context, which: tuple[str, ...], as_json: bool) -> None:
    """Answer parked turns after all; a running service takes them up at once.

    Ends with status 1 if one of them can't be tried again.
    """
    failed = with_database(lambda database: _retry(database, which), "Waking the turns")
    if as_json:
        tried = [each for each in which if each not in failed]
        print_json({"retried": tried, "unknown": sorted(failed)})
        ctx.exit(1 if failed else 0)
    for each in which:
        click.echo(
            _unknown(each) if each in failed else f"{each} will be tried again", err=each in failed
        )
    ctx.exit(1 if failed else 0)


def _unknown(which: str) -> str:
    return f"{which}: no parked turn has this id or reference; `parley turns` lists them"


def _fields(turn: "Turn") -> dict[str, object]:
    from bot.vocabulary import reference_of

    return {
        "turn": turn.id,
        "reference": reference_of(turn.id),
        "thread": turn.thread_key,
        "opened_at": turn.opened_at.isoformat(timespec="seconds"),
        "why": turn.detail or "",
    }


async def _parked(database: "Database", *, limit: int) -> "list[Turn]":
    """The newest parked turns. A database that is not there yet has none, and is not made."""
    from storage import migrations, turns

    tell_if_missing(database.file)
    if not database.has_file or await database.read(migrations.current) is None:
        return []
    await database.read(migrations.require_head)
    return await database.read(turns.parked, limit=limit)


async def _find(database: "Database", which: str) -> "Turn | None":
    from bot.vocabulary import reference_of

    wanted = which.upper()  # as people copy it
    parked = await _parked(database, limit=LOOKED_THROUGH)
    return next(
        (turn for turn in parked if wanted in (turn.id.upper(), reference_of(turn.id))), None
    )


async def _retry(database: "Database", which: Sequence[str]) -> set[str]:
    """Those of `which` that could not be retried."""
    from storage import turns

    failed = set()
    for each in which:
        turn = await _find(database, each)
        if turn is None or not await database.write(turns.retry, turn.id, now=database.now()):
            failed.add(each)
    return failed
