"""The service in one piece: how its platforms, its pages and its end go together."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import Connection, text
from structlog.testing import capture_logs

from adapters.memory import MemoryAdapter, MemoryPlatform
from bot.app import build
from bot.ports import Intake, PlatformError
from bot.service import ServiceFailed
from bot.vocabulary import ManualClock
from bot.web.server import WebServerError
from config import load_settings
from storage.database import Database
from storage.errors import NoDatabase, SchemaTooNew
from tests.support import wait_until


class Platform(MemoryAdapter):
    """A platform of any name that does as its test says before it works."""

    def __init__(self, name: str, *troubles: Exception) -> None:
        super().__init__(platform=MemoryPlatform(name=name))
        self.troubles = list(troubles)
        self.connects = asyncio.Event()
        self.connects.set()
        self.starts = 0

    async def run(self, intake: Intake) -> None:
        """Have the next trouble; without any, work."""
        self.starts += 1
        await self.connects.wait()
        if self.troubles:
            raise self.troubles.pop(0)
        await super().run(intake)

    async def started(self, times: int) -> None:
        """Return once it has been started so often."""
        await wait_until(lambda: self.starts == times, what=f"{times} starts of {self.name}")


class Running:
    """A service that was started."""

    def __init__(self, url: str, clock: ManualClock) -> None:
        self.url = url
        self.clock = clock
        self.stop = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    async def checks(self, status: int) -> dict[str, str]:
        """What each check says once the service is ready (200) or not (503)."""

        async def page() -> dict[str, str] | None:
            with suppress(aiohttp.ClientConnectionError):  # it does not listen yet
                async with aiohttp.ClientSession() as http, http.get(f"{self.url}/readyz") as got:
                    said: dict[str, str] = (await got.json())["checks"]
                    return said if got.status == status else None
            return None

        found = await wait_until(page, what=f"/readyz with {status}")
        assert found is not None
        return found

    async def ended(self) -> None:
        """Return once it has ended; raises what ended it."""
        assert self.task is not None
        async with asyncio.timeout(10):
            await self.task


@asynccontextmanager
async def service(
    url: str, directory: Path, port: int, adapters: Sequence[Platform]
) -> AsyncIterator[Running]:
    """The service on these platforms, stopped at the end."""
    environ = {"DATABASE_URL": url, "PARLEY_HTTP": f"127.0.0.1:{port}"}
    clock = ManualClock()
    built = build(
        settings=load_settings(environ, directory),
        adapters={adapter.name: adapter for adapter in adapters},
        clock=clock,
        environ={},
    )
    running = Running(f"http://127.0.0.1:{port}", clock)
    running.task = asyncio.create_task(built.run(running.stop))
    try:
        yield running
    finally:
        running.stop.set()
        await asyncio.wait({running.task}, timeout=10)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A database that is not there yet."""
    return f"sqlite:///{tmp_path / 'parley.db'}"


async def test_ready_once_every_platform_is_connected(
    database_url: str, tmp_path: Path, unused_tcp_port: int
) -> None:
    """Until then it says which one is missing."""
    quick, slow = Platform("quick"), Platform("slow")
    slow.connects.clear()
    async with service(database_url, tmp_path, unused_tcp_port, [quick, slow]) as running:
        await wait_until(lambda: quick.ready)
        assert await running.checks(503) == {
            "database": "ok",
            "service": "ok",
            "quick": "ok",
            "slow": "not ready",
        }
        slow.connects.set()
        assert set((await running.checks(200)).values()) == {"ok"}


async def test_one_platform_that_can_not_work_stops_no_other(
    sqlite_url: str, tmp_path: Path, unused_tcp_port: int
) -> None:
    """It is logged with its remedy, and named as not ready; the other goes on."""
    broken = Platform("broken", PlatformError("the token was revoked; make a new one"))
    sound = Platform("sound")
    with capture_logs() as logged:
        async with service(sqlite_url, tmp_path, unused_tcp_port, [broken, sound]) as running:
            await wait_until(lambda: sound.ready and broken.troubles == [])
            assert (await running.checks(503))["broken"] == "not ready"
            assert (await running.checks(503))["sound"] == "ok"
    assert broken.starts == 1
    (said,) = [line for line in logged if line["event"] == "platform can't work as configured"]
    assert (said["platform"], said["why"]) == ("broken", "the token was revoked; make a new one")


async def test_with_no_platform_left_it_ends_and_says_why(
    sqlite_url: str, tmp_path: Path, unused_tcp_port: int
) -> None:
    """Each reason is a line of the message."""
    adapters = [Platform(name, PlatformError(f"no {name} today")) for name in ("one", "two")]
    async with service(sqlite_url, tmp_path, unused_tcp_port, adapters) as running:
        with pytest.raises(ServiceFailed, match="one: no one today\ntwo: no two today"):
            await running.ended()


async def test_an_adapters_defect_is_survived(
    sqlite_url: str, tmp_path: Path, unused_tcp_port: int
) -> None:
    """It is started again, after a pause that grows; the log has the defect."""
    adapter = Platform("memory", *(ZeroDivisionError() for _ in range(3)))
    with capture_logs() as logged:
        async with service(sqlite_url, tmp_path, unused_tcp_port, [adapter]) as running:
            for starts, pause_s in ((1, 1), (2, 2), (3, 4)):
                await adapter.started(starts)
                await running.clock.advance(pause_s - 0.5)
                assert adapter.starts == starts
                await running.clock.advance(0.5)
            await running.checks(200)
    assert sum("platform adapter failed" in line["event"] for line in logged) == 3


async def test_an_adapter_that_had_worked_well_is_back_soon(
    sqlite_url: str, tmp_path: Path, unused_tcp_port: int
) -> None:
    """What it went through long ago does not make the pause after its next defect any longer."""
    adapter = Platform("memory", *(ZeroDivisionError() for _ in range(4)))
    async with service(sqlite_url, tmp_path, unused_tcp_port, [adapter]) as running:
        await adapter.started(1)
        await running.clock.advance(1)
        await adapter.started(2)
        adapter.connects.clear()  # the third time it works until it breaks
        await running.clock.advance(2)
        await adapter.started(3)
        await running.clock.advance(100)
        adapter.connects.set()
        await wait_until(lambda: len(adapter.troubles) == 1, what="the third defect")
        await running.clock.advance(1)
        await adapter.started(4)


async def test_a_web_port_that_is_taken_keeps_everything_from_starting(
    sqlite_url: str, tmp_path: Path, unused_tcp_port: int
) -> None:
    """Nothing is connected, and no database made."""
    adapters = [Platform("first")], [Platform("second")]
    async with service(sqlite_url, tmp_path, unused_tcp_port, adapters[0]) as running:
        await running.checks(200)
        other = f"sqlite:///{tmp_path / 'other.db'}"
        async with service(other, tmp_path, unused_tcp_port, adapters[1]) as second:
            with pytest.raises(WebServerError, match=r"Stop it, or set PARLEY_HTTP"):
                await second.ended()
    assert adapters[1][0].starts == 0
    assert not (tmp_path / "other.db").exists()


async def test_a_database_of_a_newer_release_is_not_waited_for(
    ready_url: str, tmp_path: Path, unused_tcp_port: int
) -> None:
    """The service ends at once and says which release to run."""
    await _upgrade_further(ready_url)
    adapter = Platform("memory")
    async with service(ready_url, tmp_path, unused_tcp_port, [adapter]) as running:
        with pytest.raises(SchemaTooNew, match="run the newer release"):
            await running.ended()
    assert adapter.starts == 0


async def test_what_is_no_database_is_not_waited_for(tmp_path: Path, unused_tcp_port: int) -> None:
    """A file of another kind is left as it is, and the service says so at once."""
    file = tmp_path / "notes.txt"
    notes = "These are my notes, and nothing of them is a table.\n" * 40
    file.write_text(notes)
    adapter = Platform("memory")
    async with service(f"sqlite:///{file}", tmp_path, unused_tcp_port, [adapter]) as running:
        with pytest.raises(NoDatabase, match="is not a database"):
            await running.ended()
    assert (adapter.starts, file.read_text()) == (0, notes)


async def _upgrade_further(url: str) -> None:
    def work(connection: Connection) -> None:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    database = Database(url, clock=ManualClock())
    await database.write(work)
    await database.close()


async def test_once_it_has_ended_nobody_listens(
    sqlite_url: str, tmp_path: Path, unused_tcp_port: int
) -> None:
    """Its platform is left, and its port is free again."""
    adapter = Platform("memory")
    async with service(sqlite_url, tmp_path, unused_tcp_port, [adapter]) as running:
        await running.checks(200)
        running.stop.set()
        await running.ended()
        assert not adapter.ready
        async with aiohttp.ClientSession() as http:
            with pytest.raises(aiohttp.ClientConnectionError):
                await http.get(f"{running.url}/healthz")
