"""The provider's message batches: many requests handed over at once, answered within a day at half price.

Source: https://platform.claude.com/docs/en/build-with-claude/batch-processing
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeVar, get_args

from bot.claude.errors import ClaudeError
from bot.claude.message_reader import BILLED_REFUSALS
from bot.claude.usage_report import UsageReport
from bot.claude.workshop import Workshop
from bot.vocabulary import Usage, storable

T = TypeVar("T")

MAX_REQUESTS: Final = 100_000
MAX_BYTES: Final = 240_000_000
"""The provider takes 256 MB; the rest is for the JSON around the requests."""
LIFETIME: Final = timedelta(hours=24)
"""After this a batch ends, whatever is left in it."""

CALL_S: Final = 60.0
CREATE_S: Final = 600.0
"""A batch of 256 MB takes its time to get there."""
LINE_S: Final = 60.0
"""The longest silence between two results."""
PAGE: Final = 100
MAX_PAGES: Final = 20

Json = dict[str, Any]
Outcome = Literal["succeeded", "errored", "canceled", "expired"]


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """One request. `custom_id` has at most 64 letters, digits, hyphens and underscores."""

    custom_id: str
    body: Json


@dataclass(frozen=True, slots=True)
class BatchState:
    """How a batch stands. `results` count by outcome, and only once it has ended."""

    id: str
    created_at: datetime
    ended: bool
    requests: int
    results: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchAnswer:
    """What became of one request. `text` and the usage are those of one that succeeded; `error` is what
    the provider said of one that did not."""

    custom_id: str
    outcome: Outcome
    text: str = ""
    model: str = ""
    stop_reason: str = ""
    usage: Usage = field(default_factory=Usage)
    is_free: bool = False
    """It is a refusal for which nothing is charged, whatever usage it reports."""
    error: str = ""


class MessageBatches:
    """Verbs over the endpoints. Each is one request, without retries."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop

    async def create(self, requests: Sequence[BatchRequest]) -> BatchState:
        """Hand over a batch.

        Raises:
            ClaudeError: it failed; if `worked_on`, the batch may have been made all the same.
        """
        bodies: Any = [{"custom_id": each.custom_id, "params": each.body} for each in requests]
        batch = await self._call(
            lambda sdk: sdk.messages.batches.create(requests=bodies, timeout=CREATE_S), CREATE_S
        )
        return _state(batch)

    async def state(self, batch_id: str) -> BatchState:
        """How a batch stands. Raises `ClaudeError`."""
        batch = await self._call(lambda sdk: sdk.messages.batches.retrieve(batch_id), CALL_S)
        return _state(batch)

    async def since(self, earliest: datetime) -> list[BatchState]:
        """The batches that were made at that time or later, the newest first. Raises `ClaudeError`."""
        found: list[BatchState] = []
        after: dict[str, str] = {}
        for _ in range(MAX_PAGES):
            page = await self._page(after)
            batches = [_state(each) for each in page.data]
            found += [each for each in batches if each.created_at >= earliest]
            if not page.has_more or batches[-1].created_at < earliest:
                break
            after = {"after_id": batches[-1].id}
        return found

    async def results(self, batch_id: str) -> AsyncGenerator[BatchAnswer, None]:
        """The results of a batch that has ended, in no particular order, as they come.

        Raises:
            ClaudeError: they could not be read to their end; those that came stand.
        """
        lines = await self._call(lambda sdk: sdk.messages.batches.results(batch_id), CALL_S)
        try:
            while (line := await self._translated(anext(lines, None), LINE_S)) is not None:
                yield _answer(line.to_dict())
        finally:
            await lines.close()

    async def _page(self, after: Mapping[str, Any]) -> Any:
        return await self._call(lambda sdk: sdk.messages.batches.list(limit=PAGE, **after), CALL_S)

    async def _call(self, call: Callable[[Any], Awaitable[T]], timeout_s: float) -> T:
        await self._shop.connection.warm()
        return await self._translated(call(self._shop.connection.sdk), timeout_s)

    async def _translated(self, work: Awaitable[T], timeout_s: float) -> T:
        from bot.claude.translate import translate  # here, because the SDK takes long to import

        try:
            async with asyncio.timeout(timeout_s):
                return await work
        except Exception as error:
            raise translate(error, model=None, now=self._shop.clock.now()) from error


def refused_before_work(error: ClaudeError) -> bool:
    """Whether it is certain that no batch was made."""
    if not error.reached_provider:
        return True
    return error.status is not None and 400 <= error.status < 500 and error.status != 408


def _state(batch: Any) -> BatchState:
    counts = batch.request_counts.to_dict()
    results = {name: int(counts.get(name) or 0) for name in get_args(Outcome)}
    return BatchState(
        id=batch.id,
        created_at=batch.created_at,
        ended=batch.processing_status == "ended",
        requests=int(counts.get("processing") or 0) + sum(results.values()),
        results=results,
    )


def _answer(line: Mapping[str, Any]) -> BatchAnswer:
    custom_id, result = str(line["custom_id"]), line["result"]
    if result["type"] != "succeeded":
        detail = (result.get("error") or {}).get("error") or {}
        return BatchAnswer(
            custom_id=custom_id,
            outcome=result["type"],
            error=str(detail.get("message") or ""),
        )
    return _succeeded(custom_id, result["message"])


def _succeeded(custom_id: str, message: Mapping[str, Any]) -> BatchAnswer:
    report = UsageReport(cache_ttl="5m")
    report.take(message["usage"])
    blocks = [block for block in message["content"] if block.get("type") == "text"]
    refused = message["stop_reason"] == "refusal"
    category = (message.get("stop_details") or {}).get("category")
    return BatchAnswer(
        custom_id=custom_id,
        outcome="succeeded",
        text="" if refused else storable("".join(block["text"] for block in blocks)),
        model=message["model"],
        stop_reason=message["stop_reason"] or "",
        usage=report.usage,
        is_free=refused and not message["content"] and category not in BILLED_REFUSALS,
    )
