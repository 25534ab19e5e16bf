"""`parley turns`: the turns that failed, and trying them again."""

import click

from bot.cli.frame import (
    json_option,
    print_json,
    print_table,
    quiet_logs,
    run_async,
    settings_or_exit,
)
from bot.vocabulary import SystemClock, reference_of
from config import Settings
from storage import turns
from storage.database import Database
from storage.turns import Turn

LISTED = 200


@click.group("turns", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Look at turns that were parked because they failed, and try them again."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_parked, as_json=False)


@command.command("list")
@json_option
def list_parked(as_json: bool) -> None:
    """List parked turns, the newest first."""
    parked = run_async(_parked(_settings()))
    if as_json:
        print_json([_fields(turn) for turn in parked])
    elif parked:
        rows = [tuple(str(value) for value in _fields(turn).values()) for turn in parked]
        print_table(("Turn", "Reference", "Thread", "Opened", "Why"), rows)
    else:
        click.echo("No turn is parked.")


@command.command("show")
@click.argument("turn")
def show(turn: str) -> None:
    """Show one turn, by its id or by the reference that a person was told."""
    found = run_async(_find(_settings(), turn))
    if found is None:
        raise click.ClickException(_unknown(turn))
    print_json({**_fields(found), "status": found.status.value, "outcome": found.outcome})


@command.command("retry")
@click.argument("which", nargs=-1, required=True, metavar="TURN...")
@click.pass_context
def retry(ctx: click.Context, which: tuple[str, ...]) -> None:
    """Answer parked turns after all; a running service takes them up at once."""
    failed = run_async(_retry(_settings(), which))
    for each in which:
        click.echo(
            _unknown(each) if each in failed else f"{each} will be tried again", err=each in failed
        )
    ctx.exit(1 if failed else 0)


def _settings() -> Settings:
    settings = settings_or_exit()
    quiet_logs(settings.secret_values())
    return settings


def _unknown(which: str) -> str:
    return f"{which}: no parked turn has this id or reference; `parley turns` lists them"


def _fields(turn: Turn) -> dict[str, object]:
    return {
        "turn": turn.id,
        "reference": reference_of(turn.id),
        "thread": turn.thread_key,
        "opened_at": turn.opened_at.isoformat(timespec="seconds"),
        "why": turn.detail or "",
    }


async def _parked(settings: Settings) -> list[Turn]:
    database = Database(settings.environment.database_url, clock=SystemClock())
    try:
        return await database.read(turns.parked, limit=LISTED)
    finally:
        await database.close()


async def _find(settings: Settings, which: str) -> Turn | None:
    parked = await _parked(settings)
    return next((turn for turn in parked if which in (turn.id, reference_of(turn.id))), None)


async def _retry(settings: Settings, which: tuple[str, ...]) -> set[str]:
    """Those of `which` that could not be retried."""
    failed = set()
    for each in which:
        turn = await _find(settings, each)
        if turn is None or not await _retried(settings, turn.id):
            failed.add(each)
    return failed


async def _retried(settings: Settings, turn_id: str) -> bool:
    database = Database(settings.environment.database_url, clock=SystemClock())
    try:
        return await database.write(turns.retry, turn_id, now=database.now())
    finally:
        await database.close()
