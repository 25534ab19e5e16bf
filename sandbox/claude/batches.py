"""Message batches: many requests handed over at once, answered within a day at half the price.

Source: https://platform.claude.com/docs/en/build-with-claude/batch-processing
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

LIFETIME = timedelta(hours=24)
MAX_REQUESTS = 100_000
MAX_BODY_BYTES = 256 * 1024 * 1024

Json = dict[str, Any]

SUCCEEDED, ERRORED, CANCELED, EXPIRED = "succeeded", "errored", "canceled", "expired"
OUTCOMES = (SUCCEEDED, ERRORED, CANCELED, EXPIRED)


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One request of a batch; its `params` are the body of an ordinary request."""

    custom_id: str
    params: Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class MessageBatch:
    """A batch and what has become of it. Results are in the order in which they were made."""

    id: str
    account: str
    version: str
    items: Sequence[BatchItem]
    created_at: datetime
    canceled_at: datetime | None = None
    ended_at: datetime | None = None
    results: dict[str, Json] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """`processing_status`, as the API says it."""
        if self.ended_at is not None:
            return "ended"
        return "in_progress" if self.canceled_at is None else "canceling"

    @property
    def waiting(self) -> Iterator[BatchItem]:
        """What has no result yet, in order."""
        return (item for item in self.items if item.custom_id not in self.results)

    def end(self, outcome: str, now: datetime) -> None:
        """End processing; what has no result yet has that outcome."""
        for item in list(self.waiting):
            self.results[item.custom_id] = {"type": outcome}
        self.ended_at = now

    def body(self, origin: str) -> Json:
        """As the API shows it. Until it has ended every request counts as being processed."""
        return {
            "id": self.id,
            "type": "message_batch",
            "processing_status": self.status,
            "request_counts": self._counts(),
            "created_at": _written(self.created_at),
            "expires_at": _written(self.created_at + LIFETIME),
            "ended_at": _written(self.ended_at),
            "cancel_initiated_at": _written(self.canceled_at),
            "archived_at": None,
            "results_url": self._results_url(origin),
        }

    def _counts(self) -> Mapping[str, int]:
        counts = dict.fromkeys(("processing", *OUTCOMES), 0)
        if self.ended_at is None:
            return {**counts, "processing": len(self.items)}
        for result in self.results.values():
            counts[result["type"]] += 1
        return counts

    def _results_url(self, origin: str) -> str | None:
        if self.ended_at is None:
            return None
        return f"{origin}/v1/messages/batches/{self.id}/results"


class Batches:
    """All batches. While they are held, each gets `after` results and no more."""

    def __init__(self) -> None:
        self._batches: dict[str, MessageBatch] = {}
        self._after: int | None = None

    def add(self, batch: MessageBatch) -> None:
        """Take a new one."""
        self._batches[batch.id] = batch

    def of(self, account: str) -> list[MessageBatch]:
        """An account's, the newest first."""
        return [each for each in reversed(self._batches.values()) if each.account == account]

    def get(self, batch_id: str, account: str) -> MessageBatch | None:
        """One of an account's; None if there is none of that id."""
        found = self._batches.get(batch_id)
        return found if found is not None and found.account == account else None

    def remove(self, batch: MessageBatch) -> None:
        """Forget one."""
        del self._batches[batch.id]

    def hold(self, after: int = 0) -> None:
        """Let batches get so many results, and no more until `release`."""
        self._after = after

    def release(self) -> None:
        """Let all batches end."""
        self._after = None

    def expire(self, now: datetime) -> None:
        """Let a day have passed for those that are under way."""
        for each in self._batches.values():
            if each.ended_at is None:
                each.end(EXPIRED, now)

    def due(self, batch: MessageBatch) -> list[BatchItem]:
        """What is to be answered now."""
        if batch.ended_at is not None or batch.canceled_at is not None:
            return []
        waiting = list(batch.waiting)
        if self._after is None:
            return waiting
        return waiting[: max(0, self._after - len(batch.results))]

    def may_end(self, batch: MessageBatch) -> bool:
        """Everything in it is done, or it need not be done any more."""
        return batch.canceled_at is not None or self._after is None

    def clear(self) -> None:
        """Forget all of them, and hold nothing."""
        self._batches.clear()
        self._after = None

    def __iter__(self) -> Iterator[MessageBatch]:
        return iter(self._batches.values())


def _written(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")
