"""`parley sandbox-bot`: the bot that answers on the sandbox's page, a process that can be killed.

It is `parley run` with a clock that can be ahead; it says where it serves, and ends with its parent.
"""

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta

import click

from bot.app import build, open_database, replica_name, service_adapters
from bot.cli.frame import settings_or_exit
from bot.cli.serving import log_as_set, run_service, serve, stopped_by, told_plainly
from bot.ports import Adapter
from bot.service import Service
from bot.vocabulary import ShiftedClock
from config import Settings, require_credentials

CONNECT_S = 8.0
"""Longer than who identified a moment ago is made to wait:
https://discord.com/developers/docs/events/gateway#rate-limiting"""
LOOK_S = 0.02


@click.command("sandbox-bot", hidden=True)
@click.option("--ahead-s", default=0.0, help="How far its clock is ahead.")
def command(ahead_s: float) -> None:
    """Answer on the simulated platforms until standard input ends."""
    settings = settings_or_exit()
    require_credentials(settings)
    run_service(told_plainly(_serve(settings, ShiftedClock(timedelta(seconds=ahead_s)))))


async def _serve(settings: Settings, clock: ShiftedClock) -> None:
    log_as_set(settings, clock)
    database = open_database(settings, clock)
    replica = replica_name()
    adapters = service_adapters(settings, clock, database, replica=replica)
    service = build(
        settings=settings, adapters=adapters, clock=clock, database=database, replica=replica
    )
    stop = stopped_by(signal.SIGTERM, signal.SIGINT)
    asyncio.get_running_loop().add_reader(0, _end_with_parent, stop)
    telling = asyncio.create_task(_tell_address(service, adapters), name="telling the address")
    try:
        await serve(service, stop)
    finally:
        telling.cancel()


def _end_with_parent(stop: asyncio.Event) -> None:
    """Nothing is ever said on standard input; it ends when the parent does, however it does."""
    if not os.read(0, 1024):
        asyncio.get_running_loop().remove_reader(0)
        stop.set()


async def _tell_address(service: Service, adapters: Mapping[str, Adapter]) -> None:
    """Once it hears what is said: on Discord, what is said before is lost. But a platform may be away."""
    address = await service.serving()
    with suppress(TimeoutError):
        async with asyncio.timeout(CONNECT_S):
            while not all(each.ready for each in adapters.values()):  # noqa: ASYNC110 - it is only told
                await asyncio.sleep(LOOK_S)
    print(address, flush=True)
