"""The port between the Claude client and the ledger: no billable request without an entry."""

from typing import Protocol

from bot.vocabulary import BillableRequest, Closing, Usage


class NotNow(Exception):
    """A request must not be made now, for reasons that are nobody's fault."""


class Books(Protocol):
    """Where billable requests are written down. One entry per request, retries included."""

    async def open(self, request: BillableRequest) -> str:
        """Open an entry and set its worst case aside; call it as the last thing before sending.

        Returns the entry's id. Whatever it raises (a budget is used up, the channel's rate limit says
        wait) means that the request must not be made, and goes to the caller untouched.
        """

    def progress(self, entry_id: str, usage: Usage, *, final: bool = False) -> None:
        """What is known of a running request so far: reported input, estimated output; `final` where
        nothing is to come. Never waits; it is written down now and then, so that a crash loses little."""

    async def close(self, closing: Closing) -> None:
        """Close the entry. Closing twice changes nothing."""
