"""`parley sandbox`: everything on this machine, with simulated services, without an account."""

import os
import stat
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import click

from bot.cli.frame import examples

DATABASE_URL = "sqlite:///data/sandbox.db"
KEY = "sk-ant-simulated"  # any value will do: the simulated Claude knows no accounts

WELCOME = """\
This is Parley's sandbox: Claude is simulated, nothing leaves this machine, nothing costs anything.
Simulated Claude: {claude} (control: {claude}/_control)
Say something. Ctrl-C stops an answer, Ctrl-D ends. Kill the process in mid-answer and start it again."""

REAL_WELCOME = "This is Parley's sandbox with the real Claude: answers cost what they cost."


@click.command(
    "sandbox",
    epilog=examples(
        "parley sandbox", 'parley sandbox "What is a lease?"', "echo Hello | parley sandbox"
    ),
)
@click.argument("message", required=False)
@click.option("--real", is_flag=True, help="Ask the real Claude; needs ANTHROPIC_API_KEY.")
@click.option("--claude-port", default=0, help="Where the simulated Claude listens; 0: anywhere.")
def command(message: str | None, real: bool, claude_port: int) -> None:
    """Try everything on this machine, without an account; MESSAGE, if given, is said first.

    Each line of a pipe is answered in turn. Without any input it serves until it is told to stop.
    """
    from bot.cli.serving import run_service, told_plainly

    work = _with_real(message) if real else _with_simulated(message, claude_port)
    run_service(told_plainly(work))


async def _with_simulated(message: str | None, port: int) -> None:
    from bot.app import simulator

    async with AsyncExitStack() as stack:
        try:
            claude = await stack.enter_async_context(simulator("claude").for_people(port=port))
        except OSError as error:
            problem = (
                f"the simulated Claude can't listen on port {port}; choose another --claude-port"
            )
            raise click.ClickException(problem) from error
        click.echo(WELCOME.format(claude=claude.base_url), err=True)
        await _talk(message, {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": claude.base_url})


async def _with_real(message: str | None) -> None:
    if not os.environ.get("ANTHROPIC_API_KEY"):
        raise click.ClickException("--real needs ANTHROPIC_API_KEY in the environment")
    click.echo(REAL_WELCOME, err=True)
    await _talk(message, {})


async def _talk(message: str | None, services: Mapping[str, str]) -> None:
    from bot.cli.talking import talk
    from config import load_settings

    environ = {"DATABASE_URL": DATABASE_URL, **os.environ, **services}
    settings = load_settings(environ, Path.cwd())
    await talk(settings, first_message=message, listen=message is not None or _has_input())


def _has_input() -> bool:
    """Whether anybody can say anything: a terminal, a pipe or a file, but not /dev/null."""
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return False
    return sys.stdin.isatty() or not stat.S_ISCHR(mode)
