"""Whether the machine has room, a free port and the right time zone."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import aiohttp

from bot.doctor.database import nearest_directory
from bot.vocabulary import Clock, Finding, Verdict
from bot.web.server import WebServer, WebServerError
from config import Settings
from config.environment import HttpAddress
from storage.database import sqlite_file

MIB: Final = 1024 * 1024
FREE_WARNING_BYTES: Final = 1024 * MIB
FREE_FAILURE_BYTES: Final = 100 * MIB

HEALTH_TIMEOUT_S: Final = 3.0


async def examine_disk(settings: Settings) -> Sequence[Finding]:
    """Free space where the database, or else the working directory, is."""
    directory = nearest_directory(
        sqlite_file(settings.environment.database_url) or Path("parley.toml")
    )
    free_bytes = shutil.disk_usage(directory).free
    said = f"{free_bytes // MIB:,} MiB free at {directory}"
    if free_bytes >= FREE_WARNING_BYTES:
        return [Finding(check="disk", verdict=Verdict.OK, said=said)]
    return [
        Finding(
            check="disk",
            verdict=Verdict.FAILURE if free_bytes < FREE_FAILURE_BYTES else Verdict.WARNING,
            said=said,
            remedy="Free some space, or shorten [retention] text_days.",
        )
    ]


async def examine_http_port(settings: Settings) -> Sequence[Finding]:
    """Whether the web server could listen; a service that runs there already is fine too."""
    address = settings.environment.http
    server = WebServer(address=address)
    try:
        await server.start()
    except WebServerError as error:
        if await _is_parley(address):
            return [_port(Verdict.OK, f"{address}: the service is running there")]
        said, _, remedy = str(error).partition(". ")
        return [_port(Verdict.FAILURE, said, remedy)]
    await server.stop()
    return [_port(Verdict.OK, f"{address} is free")]


async def examine_time_zone(settings: Settings, clock: Clock) -> Sequence[Finding]:
    """What time it is where the operators are, for them to see whether that is right."""
    zone = settings.operators.zone
    local = clock.now().astimezone(zone)
    said = f"{zone.key}, where it is {local:%Y-%m-%d %H:%M}"
    return [Finding(check="time zone", verdict=Verdict.OK, said=said)]


async def _is_parley(address: HttpAddress) -> bool:
    """Whether what listens there answers as our own health page does."""
    timeout = aiohttp.ClientTimeout(total=HEALTH_TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.get(f"http://{address}/healthz") as response,
        ):
            return bool(await response.json() == {"alive": True})
    except (TimeoutError, aiohttp.ClientError, ValueError):
        return False


def _port(verdict: Verdict, said: str, remedy: str = "") -> Finding:
    return Finding(check="HTTP port", verdict=verdict, said=said, remedy=remedy)
