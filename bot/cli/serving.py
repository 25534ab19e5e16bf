"""Running a service from a command: signals, logs, and errors told plainly."""

import asyncio
import signal
from collections.abc import Awaitable
from typing import TextIO

import click

from bot.ports import PlatformError
from bot.service import ServiceFailed
from bot.telemetry.logs import configure_logs
from bot.telemetry.tracing import TracingUnavailable
from bot.vocabulary import Clock
from bot.web.server import WebServerError
from config import Settings
from storage.errors import StorageError


async def told_plainly(work: Awaitable[None]) -> None:
    """Await `work`; what an operator can mend is told as a plain sentence, with exit status 1."""
    try:
        await work
    except (
        PlatformError,
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
    """An event that is set when one of the signals comes."""
    stop = asyncio.Event()
    for each in signals:
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    return stop
