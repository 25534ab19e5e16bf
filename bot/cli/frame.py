"""The manner all commands share: settings, the event loop, tables, JSON.

Heavy imports stay inside the functions, so that a command pays only for what it uses.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console

    from config import Settings

T = TypeVar("T")

PIPED_WIDTH = 10_000  # a table that is piped keeps each row on one line, however long

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object instead of a table."
)
"""The `--json` switch; the command receives it as `as_json`."""


def this_command_line() -> tuple[str, ...]:
    """What starts another process of this command line: as this one was started, without its arguments."""
    started_with = len(sys.orig_argv) - len(sys.argv[1:])
    return (sys.executable, *sys.orig_argv[1:started_with])


def examples(*lines: str) -> str:
    """The end of a command's help: how it is called, a line each. For `epilog`."""
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))


def settings_or_exit(directory: Path | None = None) -> "Settings":
    """The settings of this process; its warnings go to stderr.

    Raises:
        config.SettingsError: they are wrong; the command line prints it and ends with status 2.
    """
    from config import load_settings

    settings = load_settings(os.environ, directory or Path.cwd())
    for warning in settings.warnings:
        click.echo(f"warning: {warning}", err=True)
    return settings


def require_claude_key(settings: "Settings") -> None:
    """Raise `SettingsError` if Claude can't be asked for want of a key."""
    from config import Problem, SettingsError

    if settings.secrets.anthropic_api_key is None:
        what = "is missing, and without it Claude can't be asked"
        remedy = "set it in the environment or in .env, or try `parley sandbox`, which needs none"
        raise SettingsError([Problem("environment", "ANTHROPIC_API_KEY", what, remedy)])


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine to its end; Ctrl-C cancels it and lets it clean up."""
    return asyncio.run(work)


def quiet_logs(secrets: Iterable[str] = ()) -> None:
    """For commands that are no service: warnings and errors alone are logged, to stderr."""
    from bot.telemetry.logs import configure_logs
    from bot.vocabulary import SystemClock

    configure_logs(clock=SystemClock(), level="warning", secrets=secrets)


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show on stderr that something goes on and for how long, if it takes a while and a person looks."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        progress.add_task(what, total=None)
        yield


def print_json(value: object) -> None:
    """Print a value as indented JSON; `Decimal`, datetimes and paths are written as strings."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def stdout_console() -> "Console":
    """Where tables go: coloured in a terminal, plain and unwrapped in a pipe. NO_COLOR is honoured."""
    from rich.console import Console

    piped = not sys.stdout.isatty()
    return Console(
        file=sys.stdout, highlight=False, soft_wrap=piped, width=PIPED_WIDTH if piped else None
    )


def print_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    style_of: Callable[[Sequence[str]], str] | None = None,
    numbers: Sequence[str] = (),
) -> None:
    """Print rows of text under their headings.

    `numbers` names the columns that stand to the right; `style_of` gives a rich style for a row.
    Text is shown as it is: square brackets in it are no markup.
    """
    from rich.table import Table
    from rich.text import Text

    console = stdout_console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row), style=style_of(row) if style_of else None)
    with console.capture() as capture:
        console.print(table)
    for line in capture.get().splitlines():
        click.echo(line.rstrip(), color=True)  # rich has decided about colours already
