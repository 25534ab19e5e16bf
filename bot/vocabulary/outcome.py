"""How a turn comes out: what the database, the dashboard, metrics and digests tell turns apart by."""

from enum import StrEnum


class TurnOutcome(StrEnum):
    """How a turn ended."""

    ANSWERED = "answered"
    """Claude answered."""
    CACHED = "cached"
    """An answer from the database was given."""
    CUT_OFF = "cut_off"
    """Claude's answer reached the longest an answer may be."""
    STOPPED = "stopped"
    """A person ended the answer; what was there stays."""
    REFUSED = "refused"
    """Claude declined to answer."""
    COMMAND = "command"
    """A command was run, or why it was not is said."""
    ANNOUNCED = "announced"
    """The bot said something of its own accord."""
    NOTED = "noted"
    """The bot was not meant; it remembers what was said."""
    WITHDRAWN = "withdrawn"
    """All that was asked had been taken back."""
    BLOCKED = "blocked"
    """A filter let something not pass."""
    LIMITED = "limited"
    """The channel's rate limit was reached."""
    OVER_BUDGET = "over_budget"
    """A budget had no room."""
    TOO_LONG = "too_long"
    """The question is larger than may be sent."""
    FAILED = "failed"
    """Something went wrong, and the person was told so."""
    UNREACHABLE = "unreachable"
    """Nobody could be told anything: the thread is gone."""


ANSWERS = frozenset(
    {
        TurnOutcome.ANSWERED,
        TurnOutcome.CACHED,
        TurnOutcome.CUT_OFF,
        TurnOutcome.STOPPED,
        TurnOutcome.REFUSED,
    }
)
"""The person got an answer of the model's, or its refusal."""

FAILURES = frozenset({TurnOutcome.FAILED, TurnOutcome.UNREACHABLE})
"""Nobody got an answer, though the question stands: an operator may try it again."""

TURNED_AWAY = frozenset({TurnOutcome.OVER_BUDGET, TurnOutcome.LIMITED, TurnOutcome.BLOCKED})
"""Claude was not asked, or not heard, as somebody had decided beforehand."""


class TurnLeft(StrEnum):
    """Why a replica is done with a turn that is not over."""

    DEFERRED = "deferred"
    """It goes on later."""
    HANDED_OVER = "handed_over"
    """The replica shuts down; any other may go on with it."""
    LEASE_LOST = "lease_lost"
    """Another replica has it."""
    DATABASE_AWAY = "database_away"
    """Nothing can be written; whoever claims it next goes on."""


class Fallback(StrEnum):
    """Why another model answered than the one that was to."""

    OUTAGE = "outage"
    BUDGET = "budget"
