"""How late the event loop is: the first thing to look at when everything feels slow."""

from collections.abc import Callable
from typing import Final

import structlog

from bot.vocabulary import Clock

PERIOD_S: Final = 0.5
STALL_S: Final = 1.0

_log = structlog.get_logger(__name__)


class LoopLag:
    """Sleeps over and over and reports by how much each sleep was too long."""

    def __init__(
        self,
        *,
        clock: Clock,
        report: Callable[[float], None],
        period_s: float = PERIOD_S,
        stall_s: float = STALL_S,
    ) -> None:
        self._clock = clock
        self._report = report
        self._period_s = period_s
        self._stall_s = stall_s

    async def run(self) -> None:
        """Measure until cancelled; each lag is reported in seconds, and a stall is logged."""
        while True:
            await self.measure()

    async def measure(self) -> float:
        """Measure once and return the lag in seconds."""
        before = self._clock.monotonic()
        await self._clock.sleep(self._period_s)
        lag_s = max(0.0, self._clock.monotonic() - before - self._period_s)
        self._report(lag_s)
        if lag_s >= self._stall_s:
            _log.warning(
                "the event loop stood still: something blocks it or the machine is overloaded",
                lag_s=round(lag_s, 3),
            )
        return lag_s
