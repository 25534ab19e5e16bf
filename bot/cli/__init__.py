"""The command line: `parley` and the table of its commands.

Exit status: 0 it worked; 1 it failed; 2 it was used wrongly or the settings are wrong; 130 it was
interrupted. Commands are imported when they are called, so that asking for help is quick.
"""

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import NoReturn

import click

EXIT_FAILED = 1
EXIT_WRONG_USE = 2
EXIT_INTERRUPTED = 130

NEW_OBJECTS = 20_000
"""Garbage is looked for when there are so many more objects. Python's 700 suit programs whose objects go as
they come; a start makes hundreds of thousands that stay, and took a fifth longer."""


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """One line of the table: the module whose attribute `command` is the command, and its help."""

    module: str
    help: str

    def load(self) -> click.Command:
        """Import the command."""
        command = import_module(self.module).command
        if not isinstance(command, click.Command):
            raise TypeError(f"{self.module}.command is not a click command")
        return command


COMMANDS = MappingProxyType(
    {
        "run": CommandEntry(
            "bot.cli.run", "Start the service on the platforms whose tokens are set."
        ),
        "sandbox": CommandEntry(
            "bot.cli.sandbox", "Try everything on this machine, without an account."
        ),
        "chat": CommandEntry("bot.cli.chat", "Talk to the bot in this terminal."),
        "doctor": CommandEntry(
            "bot.cli.doctor", "Check credentials, models, database and machine."
        ),
        "config": CommandEntry("bot.cli.config", "Check or show the settings."),
        "batch": CommandEntry("bot.cli.batch", "Put one prompt to many items of a file."),
        "usage": CommandEntry("bot.cli.usage", "Say what was used and what it cost."),
        "report": CommandEntry("bot.cli.report", "Show a cost digest, or send it."),
        "budget": CommandEntry("bot.cli.budget", "Look at budgets, raise or reset them."),
        "plugin": CommandEntry("bot.cli.plugin", "List, check, switch or make plugins."),
        "db": CommandEntry("bot.cli.db", "Upgrade, check or back up the database."),
        "turns": CommandEntry("bot.cli.turns", "Look at turns: waiting, running, failed."),
        "completion": CommandEntry("bot.cli.completion", "Complete commands in your shell."),
    }
)

HIDDEN = MappingProxyType(
    {"sandbox-bot": CommandEntry("bot.cli.sandbox_bot", "The bot on the sandbox's page.")}
)
"""For Parley's own processes."""


class LazyGroup(click.Group):
    """A group that knows its commands' names and help without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command; None if there is none of this name."""
        entry = COMMANDS.get(cmd_name) or HIDDEN.get(cmd_name)
        return entry.load() if entry else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table into the help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it; its suggestions for a misspelt name come from the table."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            raise click.exceptions.NoSuchCommand(
                args[0], possibilities=COMMANDS, ctx=ctx
            ) from error


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version  # a third of the time that help takes

        click.echo(f"parley {version('parley')}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 it worked, 1 it failed, 2 wrong use or wrong settings, 130 interrupted.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def parley() -> None:
    """A durable chat bot service: people talk to Claude, and know what it costs."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line; `arguments` are those of the process unless given. Never returns."""
    gc.set_threshold(NEW_OBJECTS)
    # At its end the interpreter looks once more for garbage among all that was imported: that takes a
    # second, several on a busy machine, after all that could hurry a service which has to be gone.
    atexit.register(gc.freeze)
    status = invoke(arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _silence_stdout()
        status = status or EXIT_FAILED
    sys.exit(status)


def invoke(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status, with every foreseen error told plainly."""
    try:
        result = parley.main(arguments, prog_name="parley", standalone_mode=False)
    except click.Abort:
        return EXIT_INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except Exception as error:
        if not _is_about_settings(error):
            raise
        click.echo(str(error), err=True)
        return EXIT_WRONG_USE
    return result if isinstance(result, int) else 0


def _is_about_settings(error: Exception) -> bool:
    from config import SettingsError  # here, so that a command without settings needs none of it

    return isinstance(error, SettingsError)


def _silence_stdout() -> None:
    """Nobody reads any more: give the interpreter somewhere to flush to when it ends."""
    with suppress(OSError, ValueError):
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, sys.stdout.fileno())
        os.close(devnull)
