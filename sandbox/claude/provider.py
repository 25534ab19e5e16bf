"""The simulated provider behind its HTTP face: everything it knows, remembers and was told to do."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from bot.vocabulary import Clock, Usage, new_id
from sandbox.changes import Changes, Gate
from sandbox.claude.answer import Answer
from sandbox.claude.batches import Batches
from sandbox.claude.bill import Bill, BillRow, BillStatus
from sandbox.claude.errors import ApiError
from sandbox.claude.faults import Faults
from sandbox.claude.limits import RateLimiter, RateLimits
from sandbox.claude.models import Model
from sandbox.claude.pace import Pace
from sandbox.claude.prices import WEB_SEARCH_NANOUSD, cost_nanousd
from sandbox.claude.prompt_cache import PromptCache
from sandbox.claude.request_log import RequestLog
from sandbox.claude.script import Script

BILLED_BEFORE_OUTPUT = frozenset({"bio", "frontier_llm", "reasoning_extraction"})
"""Refusals of these categories are billed even if nothing was written before them."""


class Provider:
    """State and verbs that the endpoints share."""

    def __init__(
        self, *, clock: Clock, random_bits: Callable[[int], int], pace: Pace, limits: RateLimits
    ) -> None:
        self.clock = clock
        self.pace = pace
        self.script = Script()
        self.faults = Faults()
        self.changes = Changes("Claude")
        self.gate = Gate(self.changes)
        self.cache = PromptCache(clock=clock)
        self.limiter = RateLimiter(clock, limits)
        self.log = RequestLog(self.changes)
        self.batches = Batches()
        self.other_calls: dict[str, int] = {}
        self.stopping = asyncio.Event()
        self.running = 0
        self._random_bits = random_bits
        self._rows: list[BillRow] = []

    def new_id(self, prefix: str) -> str:
        """A new identifier that starts with `prefix`."""
        return prefix + new_id(self.clock.now(), self._random_bits)

    @contextmanager
    def place(self) -> Iterator[None]:
        """One of the places for requests that run at once.

        Raises:
            ApiError: 529, if all are taken.
        """
        most = self.limiter.limits.max_concurrent
        if most is not None and self.running >= most:
            raise ApiError(529)
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1

    def charge(
        self,
        *,
        request_id: str,
        message_id: str,
        account: str,
        model: Model,
        usage: Usage,
        sent_tokens: int,
        answer: Answer,
        complete: bool,
        batch: bool = False,
    ) -> None:
        """Put a request on the bill: whole if it is complete, else with what had been sent."""
        status = BillStatus.COMPLETED if complete else BillStatus.ABORTED
        if not complete:
            usage = replace(usage, output_tokens=min(sent_tokens, usage.output_tokens))
        cost = cost_nanousd(model.id, usage, batch=batch)
        if complete and answer.stop_reason == "refusal":
            status = BillStatus.REFUSED
            category = None if answer.refusal is None else answer.refusal.category
            if not answer.blocks and category not in BILLED_BEFORE_OUTPUT:
                cost = 0
        self.limiter.generated(account, model, usage.output_tokens)
        self._rows.append(
            BillRow(
                request_id=request_id,
                message_id=message_id,
                model=model.id,
                usage=usage,
                status=status,
                stop_reason=answer.stop_reason if complete else None,
                cost_nanousd=cost,
                search_nanousd=answer.searches * WEB_SEARCH_NANOUSD if complete else 0,
                at=self.clock.now(),
                batch=batch,
            )
        )
        self.changes.announce()

    def bill(self) -> Bill:
        """Everything billed so far."""
        return Bill(tuple(self._rows))

    def reset(self) -> None:
        """Back to the beginning: no script, no faults, nothing held, cached, billed or remembered."""
        self.script.clear()
        self.faults.clear()
        self.gate.release()
        self.cache.clear()
        self.limiter.change(self.limiter.limits)
        self.log.clear()
        self.batches.clear()
        self.other_calls.clear()
        self._rows.clear()
        self.changes.announce()
