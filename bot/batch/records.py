"""What became of an item."""

from dataclasses import dataclass, field
from typing import Literal

from bot.claude.events import Completion
from bot.claude.message_batches import BatchAnswer
from bot.vocabulary import Closing, EntryStatus, Usage

DoneOutcome = Literal["answered", "refused", "cut_off"]

_CUT_OFF = ("max_tokens", "model_context_window_exceeded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The item has its answer, or its refusal, and has been paid. It is never asked again."""

    key: str
    outcome: DoneOutcome
    text: str
    model: str
    usage: Usage = field(default_factory=Usage)
    cost_nanousd: int | None = None
    entry_id: str = ""
    request_id: str | None = None

    @property
    def closing(self) -> Closing:
        """How its entry in the ledger is closed."""
        return Closing(
            self.entry_id, self.usage, EntryStatus.COMPLETED, self.cost_nanousd, self.request_id
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The item was not answered. It is asked again the next time."""

    key: str
    kind: str
    message: str


Record = Done | Failed


def done_by(key: str, completion: Completion) -> Done:
    """The record of an item that was answered by a request of its own."""
    return Done(
        key=key,
        outcome=_outcome(completion.stop_reason),
        text=completion.text,
        model=completion.model,
        usage=completion.usage,
        cost_nanousd=completion.cost_nanousd,
        entry_id=completion.entry_id,
        request_id=completion.request_id,
    )


def record_of(key: str, answer: BatchAnswer, *, model: str, cost_nanousd: int | None) -> Record:
    """The record of an item that was part of one of the provider's batches."""
    if answer.outcome != "succeeded":
        return Failed(key=key, kind=answer.outcome, message=answer.error or _WHY[answer.outcome])
    return Done(
        key=key,
        outcome=_outcome(answer.stop_reason),
        text=answer.text,
        model=model,
        usage=answer.usage,
        cost_nanousd=cost_nanousd,
        entry_id=answer.custom_id,
    )


_WHY = {
    "errored": "the provider could not answer it",
    "canceled": "the batch was cancelled before it came to this item",
    "expired": "the provider did not come to this item within a day",
}


def _outcome(stop_reason: str) -> DoneOutcome:
    if stop_reason == "refusal":
        return "refused"
    return "cut_off" if stop_reason in _CUT_OFF else "answered"
