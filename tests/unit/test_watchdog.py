"""A plugin that keeps the event loop to itself: named, broken off, and in the end left behind."""

import asyncio
import threading
import time
from pathlib import Path

from bot.host.errors import LoopBlocked
from bot.host.watchdog import LOOK_EVERY_S, Watchdog

BREAK_S = 0.1
HERE = {"stubborn": Path(__file__)}


def hold_on(given_up: threading.Event, *, broken_off: list[LoopBlocked]) -> None:
    """Keep the thread busy whatever is raised, until the watchdog has given up."""
    until = time.monotonic() + 20.0
    while not given_up.is_set() and time.monotonic() < until:
        try:
            time.sleep(0.01)
        except LoopBlocked as error:
            broken_off.append(error)


async def test_what_can_not_be_broken_off_ends_the_process() -> None:
    """After some attempts that it swallows, the watchdog asks to leave."""
    given_up = threading.Event()
    broken_off: list[LoopBlocked] = []
    named: list[str] = []
    watchdog = Watchdog(
        folders=HERE,
        report=lambda plugin, _: named.append(plugin),
        leave=given_up.set,
        warn_s=0.05,
        break_s=BREAK_S,
    )
    with watchdog.watching():
        hold_on(given_up, broken_off=broken_off)
    assert given_up.is_set()
    assert broken_off
    assert named == ["stubborn"]


async def test_a_loop_that_turns_is_left_alone() -> None:
    """However long the plugin's code runs, if it lets others go on."""
    given_up = threading.Event()
    watchdog = Watchdog(
        folders=HERE, report=lambda *_: None, leave=given_up.set, warn_s=5.0, break_s=BREAK_S
    )
    with watchdog.watching():
        for _ in range(10):
            watchdog.beat()
            await asyncio.sleep(LOOK_EVERY_S / 2)
    assert not given_up.is_set()
