"""`parley sandbox`: everything on this machine, with simulated services, without an account."""

import asyncio
import os
import signal
import stat
import sys
from collections.abc import Awaitable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.frame import examples, this_command_line

if TYPE_CHECKING:
    from bot.installed import Playground

DATA = Path("data")
DATABASE_URL = "sqlite:///data/sandbox.db"
KEY = "sk-ant-simulated"  # any value will do: the simulated Claude knows no accounts
ANY_PORT = "127.0.0.1:0"

WELCOME = """\
This is Parley's sandbox: Claude is simulated, nothing leaves this machine, nothing costs anything.
Simulated Claude: {claude} (control: {claude}/_control)
Say something. Ctrl-C stops an answer, Ctrl-D ends. Kill the process in mid-answer and start it again."""

PAGE_WELCOME = """\
This is Parley's sandbox: everything is simulated, nothing leaves this machine, nothing costs anything.

  In your browser   {page}
                    Slack and Discord side by side, and what goes on behind the scenes
"""
REAL_PAGE_WELCOME = """\
This is Parley's sandbox with the real Claude: answers cost what they cost.

  In your browser   {page}
"""
HERE = "  Here              Say something. Ctrl-C stops an answer, Ctrl-D ends.\n"
UNTIL_STOPPED = "  Ctrl-C ends it.\n"
REAL_WELCOME = "This is Parley's sandbox with the real Claude: answers cost what they cost."


@click.command(
    "sandbox",
    epilog=examples(
        "parley sandbox", 'parley sandbox "What is a lease?"', "echo Hello | parley sandbox"
    ),
)
@click.argument("message", required=False)
@click.option("--real", is_flag=True, help="Ask the real Claude; needs ANTHROPIC_API_KEY.")
@click.option(
    "--page/--no-page",
    "page",
    default=None,
    help="With the page for a browser, or without. Without it when something is piped in.",
)
@click.option("--port", type=int, help="Where the page is; 0: anywhere. By default 8787 if free.")
@click.option("--claude-port", default=0, help="Where the simulated Claude listens; 0: anywhere.")
def command(
    message: str | None, real: bool, page: bool | None, port: int | None, claude_port: int
) -> None:
    """Try everything on this machine, without an account; MESSAGE, if given, is said first.

    In a terminal it prints the address of a page, and talks to you. Each line of a pipe is answered in
    turn. Without any input it serves until it is told to stop.
    """
    from bot.cli.serving import run_service, told_plainly

    if real and not os.environ.get("ANTHROPIC_API_KEY"):
        raise click.ClickException("--real needs ANTHROPIC_API_KEY in the environment")
    listen = message is not None or _has_input()
    if page is None:
        page = message is None and (sys.stdin.isatty() or not listen)
    if page:
        work = _with_page(listen=listen, real=real, port=port, claude_port=claude_port)
    elif real:
        work = _with_real(message, listen=listen)
    else:
        work = _with_simulated(message, listen=listen, port=claude_port)
    run_service(told_plainly(work))


async def _with_page(*, listen: bool, real: bool, port: int | None, claude_port: int) -> None:
    from bot.app import playground_class
    from bot.web.assets import STATIC

    playground = playground_class()(
        command=(*this_command_line(), "sandbox-bot"),
        environ=_bot_environ(listen=listen),
        directory=DATA,
        shared=STATIC,
        port=port,
        claude_port=claude_port,
        real_claude=real,
    )
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(playground)
        except OSError as error:
            raise click.ClickException(_taken(port, claude_port, error)) from error
        welcome = (REAL_PAGE_WELCOME if real else PAGE_WELCOME).format(page=playground.page_url)
        click.echo(welcome + (HERE if listen else UNTIL_STOPPED), err=True)
        if listen:
            started = asyncio.create_task(_tell_if_not(playground.bot_started()))
            stack.callback(started.cancel)
            await _talk(None, playground.claude_environ, listen=True)
        else:
            await _until_stopped(playground)


async def _tell_if_not(started: Awaitable[None]) -> None:
    """The conversation goes on without the page's bot."""
    try:
        await started
    except RuntimeError as error:
        click.echo(f"The bot on the page did not start: {error}", err=True)


async def _until_stopped(playground: "Playground") -> None:
    from bot.cli.serving import stopped_by

    stopping = asyncio.ensure_future(stopped_by(signal.SIGTERM, signal.SIGINT).wait())
    starting = asyncio.ensure_future(playground.bot_started())
    await asyncio.wait({stopping, starting}, return_when=asyncio.FIRST_COMPLETED)
    try:
        if starting.done():
            starting.result()
            await stopping
    except RuntimeError as error:
        raise click.ClickException(str(error)) from error
    finally:
        stopping.cancel()
        starting.cancel()


async def _with_simulated(message: str | None, *, listen: bool, port: int) -> None:
    from bot.app import simulator

    async with AsyncExitStack() as stack:
        try:
            claude = await stack.enter_async_context(simulator("claude").for_people(port=port))
        except OSError as error:
            raise click.ClickException(_taken(None, port, error)) from error
        click.echo(WELCOME.format(claude=claude.base_url), err=True)
        services = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": claude.base_url}
        await _talk(message, services, listen=listen)


async def _with_real(message: str | None, *, listen: bool) -> None:
    click.echo(REAL_WELCOME, err=True)
    await _talk(message, {}, listen=listen)


async def _talk(message: str | None, services: Mapping[str, str], *, listen: bool) -> None:
    from bot.cli.talking import talk
    from config import load_settings

    environ = {"DATABASE_URL": DATABASE_URL, **os.environ, **services}
    settings = load_settings(environ, Path.cwd())
    await talk(settings, first_message=message, listen=listen)


def _bot_environ(*, listen: bool) -> dict[str, str]:
    """What the page's bot is given. Its web pages are on PARLEY_HTTP where that is set, or where there is
    nothing but it; beside a conversation they are wherever there is room."""
    environ = dict(os.environ)
    if listen and "PARLEY_HTTP" not in environ:
        environ["PARLEY_HTTP"] = ANY_PORT
    return environ


def _taken(port: int | None, claude_port: int, error: OSError) -> str:
    if claude_port and port in (None, 0):
        return (
            f"the simulated Claude can't listen on port {claude_port}; choose another --claude-port"
        )
    return f"the page can't listen on port {port}; choose another --port ({error.strerror})"


def _has_input() -> bool:
    """Whether anybody can say anything: a terminal, a pipe or a file, but not /dev/null."""
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return False
    return sys.stdin.isatty() or not stat.S_ISCHR(mode)
