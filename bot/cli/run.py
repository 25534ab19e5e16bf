"""`parley run`: the service, live."""

import signal
from typing import TYPE_CHECKING

import click

from bot.cli.frame import examples, settings_or_exit

if TYPE_CHECKING:
    from bot.vocabulary import Clock
    from config import Settings

NOTHING_TO_START = """\
No platform has its tokens, so there is nothing to start. In the environment or in .env, set

  SLACK_BOT_TOKEN and SLACK_APP_TOKEN   to answer in Slack
  DISCORD_TOKEN                         to answer on Discord

To try Parley without any account, run `parley sandbox`; to talk to it here, `parley chat`."""


@click.command(
    "run",
    epilog=examples(
        "parley run", "PARLEY_HTTP=0.0.0.0:8080 PARLEY_CONFIG=/etc/parley.toml parley run"
    ),
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Start the service on every platform whose tokens are set, and serve PARLEY_HTTP.

    It runs until it is told to stop (SIGTERM or Ctrl-C), and then ends within 10 seconds with nothing
    lost.
    """
    from config import configured_platforms, require_credentials

    settings = settings_or_exit()
    if not configured_platforms(settings):
        click.echo(NOTHING_TO_START, err=True)
        ctx.exit(2)
    require_credentials(settings)
    from bot.cli.serving import run_service

    run_service(_run(settings))


async def _run(settings: "Settings") -> None:
    from bot.cli.serving import log_as_set, told_plainly
    from bot.vocabulary import SystemClock

    clock = SystemClock()
    log_as_set(settings, clock)
    await told_plainly(_serve(settings, clock))


async def _serve(settings: "Settings", clock: "Clock") -> None:
    from bot.app import build, open_database, replica_name, service_adapters
    from bot.cli.serving import serve, stopped_by

    database = open_database(settings, clock)
    replica = replica_name()
    adapters = service_adapters(settings, clock, database, replica=replica)
    if not adapters:
        raise click.ClickException("no adapter for the configured platforms is installed")
    click.echo(f"Starting {' and '.join(adapters)}.", err=True)
    service = build(
        settings=settings, adapters=adapters, clock=clock, database=database, replica=replica
    )
    await serve(service, stopped_by(signal.SIGTERM, signal.SIGINT))
