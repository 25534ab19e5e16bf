"""Readiness: every check passes, or the one that does not is named."""

import asyncio

import pytest

from bot.web.readiness import Readiness


async def passes() -> None:
    """A ping that is answered."""


async def fails() -> None:
    raise ConnectionError("postgresql://me:secret@db refused")


async def test_all_checks_passed() -> None:
    """Plain and awaited checks together make the service ready."""
    readiness = Readiness()
    readiness.register("terminal", lambda: True)
    readiness.register("database", passes)
    report = await readiness.report()
    assert report.ready
    assert report.checks == {"terminal": "ok", "database": "ok"}


async def test_each_check_that_fails_is_named_and_why() -> None:
    """One look tells which part is missing; no error's text, which may hold secrets, is shown."""
    readiness = Readiness()
    readiness.register("slack", lambda: False)
    readiness.register("database", fails)
    readiness.register("discord", passes)
    report = await readiness.report()
    assert not report.ready
    assert report.checks == {
        "slack": "not ready",
        "database": "failed (ConnectionError)",
        "discord": "ok",
    }


async def test_nothing_registered_is_not_ready() -> None:
    """A service that has not been put together yet does not call itself ready."""
    assert not (await Readiness().report()).ready


async def test_a_check_that_hangs_is_left_behind() -> None:
    """A check that never answers, and does not even let itself be cancelled, delays nobody."""
    free = asyncio.Event()
    asked = 0

    async def hangs() -> None:
        nonlocal asked
        asked += 1
        while not free.is_set():
            try:
                await free.wait()
            except asyncio.CancelledError:
                continue

    readiness = Readiness()
    readiness.register("database", hangs, deadline_s=0.01)
    async with asyncio.timeout(10):
        report = await readiness.report()
    free.set()
    assert asked == 1
    assert report.checks == {"database": "no answer within 0.01 s"}


async def test_probes_at_the_same_time_share_one_round() -> None:
    """A hundred probes at once ask the database once."""
    asked = 0
    gate = asyncio.Event()

    async def ping() -> None:
        nonlocal asked
        asked += 1
        await gate.wait()

    readiness = Readiness()
    readiness.register("database", ping)
    probes = [asyncio.create_task(readiness.report()) for _ in range(100)]
    await asyncio.sleep(0)
    probes[0].cancel()
    gate.set()
    reports = await asyncio.gather(*probes[1:])
    assert asked == 1
    assert all(report.ready for report in reports)


async def test_a_later_round_asks_anew() -> None:
    """What was ready once can stop being so."""
    connected = True
    readiness = Readiness()
    readiness.register("slack", lambda: connected)
    assert (await readiness.report()).ready
    connected = False
    assert not (await readiness.report()).ready


def test_a_name_is_registered_once() -> None:
    """Two checks of one name would hide one another."""
    readiness = Readiness()
    readiness.register("database", passes)
    with pytest.raises(ValueError, match="database"):
        readiness.register("database", passes)
