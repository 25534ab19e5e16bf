"""Running a service from a command: signals, logs, and errors told plainly."""

import asyncio
import gc
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Coroutine
from typing import Any, Final, TextIO, TypeVar

import click
import structlog

from bot.host.errors import PluginsUnusable
from bot.ports import PlatformError
from bot.service import Service, ServiceFailed
from bot.telemetry.logs import configure_logs
from bot.telemetry.tracing import TracingUnavailable
from bot.vocabulary import Clock
from bot.web.server import WebServerError
from config import Settings
from storage.errors import StorageError

log = structlog.get_logger(__name__)

T = TypeVar("T")

HARD_END_S: Final = 9.0
"""After a signal; an orderly end is given less than that in all."""

LEFTOVERS_S: Final = 1.0


def run_service(work: Coroutine[Any, Any, None]) -> None:
    """Run a service to its end, as `asyncio.run` does; but a task that ignores its cancellation, as a
    plugin's may, keeps no process from ending."""
    loop = asyncio.new_event_loop()
    try:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(work)
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left, timeout=LEFTOVERS_S))
        loop.run_until_complete(loop.shutdown_asyncgens())
        asyncio.set_event_loop(None)
        if not any(not task.done() for task in left):
            loop.close()


async def serve(service: Service, stop: asyncio.Event) -> None:
    """Run a service until `stop`. What its start made stays to its end, and is not looked through for
    garbage again: that takes a sixth of a second in which nobody is answered. Raises as `Service.run`."""
    settling = asyncio.create_task(_settle(service), name="settling")
    try:
        await service.run(stop)
    finally:
        settling.cancel()


async def _settle(service: Service) -> None:
    await service.warmed()
    gc.freeze()


async def told_plainly(work: Awaitable[T]) -> T:
    """Await `work`; what an operator can mend is told as a plain sentence, with exit status 1."""
    try:
        return await work
    except (
        PlatformError,
        PluginsUnusable,
        ServiceFailed,
        StorageError,
        TracingUnavailable,
        WebServerError,
    ) as error:
        raise click.ClickException(str(error)) from error


def log_as_set(settings: Settings, clock: Clock, stream: TextIO | None = None) -> None:
    """Configure the logs as the settings say, without any secret; to stderr unless told otherwise."""
    configure_logs(
        clock=clock,
        format=settings.logs.format,
        level=settings.logs.level,
        secrets=settings.secret_values(),
        stream=stream,
    )


def stopped_by(*signals: signal.Signals) -> asyncio.Event:
    """An event that is set when one of the signals comes. A process that has not ended some seconds
    later leaves without more ado: what it holds is leased, and others take it over."""
    stop = asyncio.Event()

    def stopped() -> None:
        if not stop.is_set():
            timer = threading.Timer(HARD_END_S, _leave)
            timer.daemon = True
            timer.start()
        stop.set()

    for each in signals:
        asyncio.get_running_loop().add_signal_handler(each, stopped)
    return stop


def _leave() -> None:
    log.critical("not ended in time; leaving", seconds=HARD_END_S)
    sys.stderr.flush()
    os._exit(1)
