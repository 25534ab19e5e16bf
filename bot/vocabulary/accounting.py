"""Who a billable request is for, and how it ended: what the ledger records beside the tokens."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.vocabulary.usage import Usage

NANO_PER_DOLLAR: Final = 10**9
"""Amounts are whole nano-dollars."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """What a billable request is counted under.

    Keys are those of `Channel.key`, `Channel.workspace_key` and `Person.key_in`. `purpose` says what it
    was for: `answer`, `summary`, `plugin`, `extract`, `map`, `batch`.
    """

    purpose: str
    turn_id: str | None = None
    workspace_key: str | None = None
    channel_key: str | None = None
    person_key: str | None = None
    plugin: str | None = None
    direct: bool = False
    """In a direct conversation, which reports for many name in sums alone."""


class EntryStatus(StrEnum):
    """How certain a ledger row is."""

    OPEN = "open"
    """The request is under way, or its process died and nobody has closed it yet."""
    COMPLETED = "completed"
    """The provider reported the whole usage."""
    ESTIMATED = "estimated"
    """It died on the way: reported input where there was any, the rest estimated."""
    UNBILLED = "unbilled"
    """The provider refused it before any work: nothing is owed."""


@dataclass(frozen=True, slots=True)
class BillableRequest:
    """A request about to be made.

    `worst_case_nanousd` is what it can cost at most, in nano-dollars; None where the price is unknown.
    `expected_input_tokens` is what an estimate is made from if the provider never reports; no estimate
    has more output than `max_output_tokens`.
    """

    model: str
    attribution: Attribution
    worst_case_nanousd: int | None
    expected_input_tokens: int
    max_output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Closing:
    """How an entry of the ledger ends. `cost_nanousd` None means that the price is not known."""

    entry_id: str
    usage: Usage
    status: EntryStatus
    cost_nanousd: int | None
    request_id: str | None = None

    @classmethod
    def unbilled(cls, entry_id: str) -> "Closing":
        """The end of a request for which nothing is owed."""
        return cls(entry_id, Usage(), EntryStatus.UNBILLED, 0)
