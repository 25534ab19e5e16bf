"""How long the parts of a request may take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long to wait for what. No stage gets more than a third of the time that is left when the
    request starts, so that a silent provider leaves time for another attempt."""

    connect_s: float = 5.0
    first_event_s: float = 30.0
    idle_s: float = 30.0
    """Between two pieces of the response; the provider sends pings when it has nothing to say."""

    def within(self, remaining_s: float) -> "Timeouts":
        """These limits, cut to what is sensible when so much time is left."""
        share_s = max(0.001, remaining_s / 3)
        return Timeouts(
            connect_s=min(self.connect_s, share_s),
            first_event_s=min(self.first_event_s, share_s),
            idle_s=min(self.idle_s, share_s),
        )
