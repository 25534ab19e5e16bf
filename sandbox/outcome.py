"""What became of a request to a simulator."""

from enum import StrEnum


class Outcome(StrEnum):
    """What became of it."""

    RUNNING = "running"
    ANSWERED = "answered"
    REFUSED = "refused"
    """It got an error for an answer."""
    FAULTED = "faulted"
    """A scripted fault struck."""
    DISCONNECTED = "disconnected"
    """The client went away before the end."""
    STOPPED = "stopped"
    """The simulator was stopped meanwhile."""
