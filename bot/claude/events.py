"""What happens while Claude answers, and the completed answer."""

from dataclasses import dataclass
from typing import Any

from bot.vocabulary import Closing, EntryStatus, Usage


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text, to be added to what there is."""

    text: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """The answer begins anew, from `model`: the text so far is void.

    `reason` is the `kind` of the error that ended the attempt before.
    """

    reason: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """The complete answer.

    Its ledger entry `entry_id` is still open: whoever receives this closes it by `closing`, in the
    transaction that keeps the answer.
    """

    text: str
    """Empty after a refusal, whatever was streamed before it, and where thinking used up all of
    `max_output_tokens`."""
    content_blocks: list[dict[str, Any]]
    """The content as received, without thinking: what may be kept in the history."""
    turn_blocks: list[dict[str, Any]]
    """The content with thinking: what must be sent back with the results of tools, in this turn and
    to this model only."""
    stop_reason: str
    refusal_category: str | None
    model: str
    entry_id: str
    usage: Usage
    """Of the request that `entry_id` stands for."""
    cost_nanousd: int | None
    """Of that request; None where a price is not known."""
    request_id: str | None
    total_usage: Usage
    """Of all requests that this answer is made of: more than one where the provider paused."""
    total_cost_nanousd: int | None
    attempts: int
    """How many requests were made, the failed ones included."""
    first_text_s: float | None
    """From the start to the first text that was handed on."""

    @property
    def closing(self) -> Closing:
        """How the open entry is to be closed."""
        return Closing(
            self.entry_id, self.usage, EntryStatus.COMPLETED, self.cost_nanousd, self.request_id
        )

    @property
    def is_refusal(self) -> bool:
        """The model declined to answer."""
        return self.stop_reason == "refusal"

    @property
    def is_cut_off(self) -> bool:
        """The answer is longer than it was allowed to be, or than fitted into the context."""
        return self.stop_reason in ("max_tokens", "model_context_window_exceeded")


AnswerEvent = TextDelta | Restarted | Completion
