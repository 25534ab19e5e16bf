"""What an examination of a part of the service found."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How grave a finding is."""

    OK = "ok"
    WARNING = "warning"
    """It works, and deserves attention."""
    FAILURE = "failure"
    """It does not work as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    `check` names it in a few words, `said` is what was found, and `remedy`, empty where all is well,
    is what to do. None of them holds a secret.
    """

    check: str
    verdict: Verdict
    said: str
    remedy: str = ""
