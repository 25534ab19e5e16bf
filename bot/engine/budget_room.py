"""Waits where a budget has no room only because the rest of it is held for requests under way.

The turn keeps what it has found out: taken up anew it would run filters and tools a second time, and pay
for the summary of a long thread again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from bot.engine import notices
from bot.engine.turn_run import TurnRun
from storage.errors import BudgetExceeded

log = structlog.get_logger(__name__)

T = TypeVar("T")

WAITING_SHARE = 0.5
"""Of the time the turn has left; the rest is for the answer."""

TELL_AFTER_S = 1.0
"""Mostly there is room in a moment, and then a notice would only flicker."""


async def when_there_is_room(turn: TurnRun, ask: Callable[[], Awaitable[T]]) -> T:
    """What `ask` comes to, which is called again whenever it may find the room that it did not.

    Raises:
        BudgetExceeded: there is none, or none came free in time, or too many wait already.
    """
    until = turn.services.clock.monotonic() + turn.remaining_s() * WAITING_SHARE
    try:
        return await ask()
    except BudgetExceeded as error:
        if not error.held:
            raise
        refusal = error
    log.info("waiting for room in a budget", budget=refusal.budget)
    tell_at = asyncio.get_running_loop().time() + TELL_AFTER_S
    while refusal.held and await _room(turn, refusal, until=until, tell_at=tell_at):
        turn.text = turn.spoken  # a model may have said something before the next had no room
        turn.downgraded = False
        try:
            return await ask()
        except BudgetExceeded as error:
            refusal = error
    raise refusal


async def _room(turn: TurnRun, refusal: BudgetExceeded, *, until: float, tell_at: float) -> bool:
    """Wait until it is worth asking again, and tell the person if that takes long; false if it is not."""
    loop, sentence = asyncio.get_running_loop(), notices.waiting_for_room()
    said = "" if turn.held_back else turn.spoken  # what filters have not seen is not shown
    telling = loop.call_at(tell_at, turn.reply.update, f"{said}{sentence}")
    try:
        async with asyncio.timeout(until - turn.services.clock.monotonic()):
            return await turn.services.budget_queue.wait(refusal, turn.id)
    except TimeoutError:
        return False
    finally:
        telling.cancel()
