"""The event loop's lag, measured on a clock that the test moves."""

import asyncio
import io
import json

import structlog

from bot.telemetry.loop_lag import LoopLag
from bot.vocabulary import ManualClock


async def measured(lag_s: float) -> list[float]:
    """What is reported when the loop wakes the sleeper this much too late."""
    clock = ManualClock()
    reported: list[float] = []

    class Late(ManualClock):
        def monotonic(self) -> float:
            return clock.monotonic()

        async def sleep(self, delay_s: float) -> None:
            await clock.advance(delay_s + lag_s)

    lag = LoopLag(clock=Late(), report=reported.append, period_s=0.5, stall_s=1.0)
    await lag.measure()
    return reported


async def test_a_punctual_loop_has_no_lag() -> None:
    """A sleeper that is woken in time reports zero."""
    assert await measured(0.0) == [0.0]


async def test_a_late_loop_reports_how_late() -> None:
    """The lag is what the sleep took too long, in seconds."""
    assert [round(lag, 6) for lag in await measured(0.25)] == [0.25]


async def test_a_stall_is_logged() -> None:
    """An operator reads about a loop that stood still; a small lag is no news."""
    stream = io.StringIO()
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(stream),
    )
    try:
        await measured(0.9)
        assert stream.getvalue() == ""
        await measured(2.5)
    finally:
        structlog.reset_defaults()
    assert json.loads(stream.getvalue())["lag_s"] == 2.5


async def test_it_ends_when_cancelled() -> None:
    """`run` goes on until it is cancelled, and leaves nothing behind."""
    clock = ManualClock()
    reported: list[float] = []
    running = asyncio.create_task(LoopLag(clock=clock, report=reported.append).run())
    await asyncio.sleep(0)
    await clock.advance(5)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert len(reported) == 10
    assert running.cancelled()
