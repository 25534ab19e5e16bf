"""Lets requests go: not too many at once, fairly between channels, and not into a known rate limit."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.claude.errors import DeadlineExceeded, RateLimited
from bot.claude.fair_queue import FairQueue
from bot.claude.rate_gate import RateGate
from bot.claude.rate_limits import rate_limits
from bot.vocabulary import Clock, Usage

_FOREVER = float("inf")


@dataclass(slots=True, eq=False)
class _Waiter:
    model: str
    lane: str
    tokens: int
    patience_until: float
    admitted: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    @property
    def is_let_go(self) -> bool:
        future = self.admitted
        return future.done() and not future.cancelled() and future.exception() is None


class Admission:
    """Who may send a request now.

    At most `max_concurrency` requests are under way. Channels (lanes) take turns; a request that
    waits for a model's rate limit doesn't hold up requests to another model. Every waiter has its
    caller's deadline, so there are as many as there are callers, and none stays.
    """

    def __init__(self, *, max_concurrency: int, clock: Clock) -> None:
        if max_concurrency < 1:
            raise ValueError("max_concurrency must be at least 1")
        self.clock = clock
        self._free = max_concurrency
        self._gates: dict[str, RateGate] = {}
        self._queues: OrderedDict[str, FairQueue[_Waiter]] = OrderedDict()
        self._alarms: dict[str, asyncio.Task[None]] = {}
        self._alarm_at: dict[str, float] = {}

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return sum(map(len, self._queues.values()))

    @property
    def free(self) -> int:
        """How many more requests could be under way."""
        return self._free

    @asynccontextmanager
    async def slot(
        self, *, model: str, lane: str, tokens: int, deadline: float, patience_s: float = _FOREVER
    ) -> AsyncIterator["Slot"]:
        """A place for one request of about so many prompt tokens, held until the block ends.

        `deadline` is a time of the clock's `monotonic`.

        Raises:
            RateLimited: the model's rate limit has more than `patience_s`, or than the time to the
                deadline, to go; `retry_after_s` says how much.
            DeadlineExceeded: no place became free in time.
        """
        patience_until = min(deadline, self.clock.monotonic() + patience_s)
        await self._enter(_Waiter(model, lane, tokens, patience_until), deadline)
        slot = Slot(admission=self, model=model, tokens=tokens)
        try:
            yield slot
        finally:
            slot.answered()
            self._free += 1
            self.dispatch()

    def gate(self, model: str) -> RateGate:
        """The model's known rate limits."""
        return self._gates.setdefault(model, RateGate())

    def dispatch(self) -> None:
        """Let go who may, since something has changed; models take turns as well as channels."""
        while self._free > 0 and any(self._let_one_go(model) for model in list(self._queues)):
            pass

    def refuse_the_impatient(self, model: str) -> None:
        """The model's limit has tightened: whoever would wait for it too long need not go on."""
        queue = self._queues.get(model)
        for waiter in queue.items() if queue else ():
            error = self._too_long(waiter)
            if error is not None and not waiter.admitted.done():
                waiter.admitted.set_exception(error)

    async def aclose(self) -> None:
        """Stop the alarms. Nothing must wait any more."""
        alarms = list(self._alarms.values())
        for alarm in alarms:
            alarm.cancel()
        await asyncio.gather(*alarms, return_exceptions=True)

    async def _enter(self, waiter: _Waiter, deadline: float) -> None:
        hopeless = self._too_long(waiter)
        if hopeless is not None:
            raise hopeless
        self._queues.setdefault(waiter.model, FairQueue()).push(waiter.lane, waiter)
        self.dispatch()
        try:
            async with asyncio.timeout(max(0.0, deadline - self.clock.monotonic())):
                await waiter.admitted
        except BaseException as error:
            self._leave(waiter)
            if isinstance(error, TimeoutError):
                raise _too_late(waiter.model) from error
            raise

    def _leave(self, waiter: _Waiter) -> None:
        """A waiter gives up; if it was let go at the same moment, its place goes to the next."""
        if waiter.is_let_go:
            self._free += 1
            self.gate(waiter.model).release(waiter.tokens)
        else:
            self._queues[waiter.model].remove(waiter.lane, waiter)
        self.dispatch()

    def _too_long(self, waiter: _Waiter) -> RateLimited | None:
        """Why it is of no use to wait, if it is of none."""
        now = self.clock.monotonic()
        wait_s = self.gate(waiter.model).wait_s(now, tokens=waiter.tokens)
        if wait_s in (0.0, _FOREVER) or now + wait_s <= waiter.patience_until:
            return None
        message = f"the rate limit of {waiter.model} is used up for another {wait_s:.0f} s"
        error = RateLimited(message, model=waiter.model, retry_after_s=wait_s)
        error.reached_provider = False
        return error

    def _let_one_go(self, model: str) -> bool:
        queue = self._queues[model]
        if not queue:
            return False
        gate = self.gate(model)
        wait_s = gate.wait_s(self.clock.monotonic(), tokens=queue.peek().tokens)
        if wait_s > 0:
            self._set_alarm(model, wait_s)
            return False
        self._queues.move_to_end(model)
        waiter = queue.pop()
        if not waiter.admitted.done():  # else it is about to leave by itself
            self._free -= 1
            gate.reserve(waiter.tokens)
            waiter.admitted.set_result(None)
        return True

    def _set_alarm(self, model: str, wait_s: float) -> None:
        """Dispatch again when the model's limit may allow it; an earlier alarm will do as well."""
        if wait_s == _FOREVER:
            return  # the response that is waited for will do it
        due = self.clock.monotonic() + wait_s
        current = self._alarms.get(model)
        if current is not None:
            if self._alarm_at[model] <= due:
                return
            current.cancel()
        self._alarm_at[model] = due
        self._alarms[model] = asyncio.ensure_future(self._ring(model, wait_s))

    async def _ring(self, model: str, wait_s: float) -> None:
        await self.clock.sleep(wait_s)
        del self._alarms[model]
        self.dispatch()


@dataclass(slots=True, kw_only=True)
class Slot:
    """A request's place among those under way."""

    admission: Admission
    model: str
    tokens: int
    _is_answered: bool = False

    def answered(self, headers: Mapping[str, str] | None = None) -> None:
        """The response began, with these headers; None: there will be none. Once is enough."""
        if self._is_answered:
            return
        self._is_answered = True
        gate, clock = self.admission.gate(self.model), self.admission.clock
        gate.release(self.tokens)
        if headers is not None:
            gate.saw(rate_limits(headers, now=clock.now()), clock.monotonic())
        self.admission.dispatch()

    def told_to_wait(self, retry_after_s: float) -> None:
        """The provider refused the request for its rate limit; nothing goes to this model before."""
        gate, clock = self.admission.gate(self.model), self.admission.clock
        gate.close_for(retry_after_s, clock.monotonic())
        self.admission.refuse_the_impatient(self.model)

    def used(self, usage: Usage) -> None:
        """The request's usage is known."""
        charged = usage.input_tokens + usage.cache_write_tokens
        self.admission.gate(self.model).learn(expected=self.tokens, charged=charged)


def _too_late(model: str) -> DeadlineExceeded:
    error = DeadlineExceeded(f"no request to {model} could be made in time", model=model)
    error.reached_provider = False
    return error
