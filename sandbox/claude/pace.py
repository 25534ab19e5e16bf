"""How fast the simulated model writes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The time to the first token, the speed after it, and how much comes in one delta.

    `tokens_per_s` None means all at once. Thinking takes its time like text, but silently.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 - read by pydantic, never changed

    first_token_s: float = 0.0
    tokens_per_s: float | None = None
    tokens_per_chunk: int = 4

    def __post_init__(self) -> None:
        if self.first_token_s < 0 or self.tokens_per_chunk < 1:
            raise ValueError("first_token_s can't be negative, tokens_per_chunk not below 1")
        if self.tokens_per_s is not None and self.tokens_per_s <= 0:
            raise ValueError("tokens_per_s must be positive; None means all at once")

    @classmethod
    def instant(cls) -> "Pace":
        """No delay at all: for tests."""
        return cls()

    @classmethod
    def pleasant(cls) -> "Pace":
        """About as a quick model writes: for people."""
        return cls(first_token_s=0.5, tokens_per_s=90.0, tokens_per_chunk=3)

    def due_s(self, tokens: int) -> float:
        """When the delta that ends with the `tokens`-th token is due, in seconds after the start."""
        if self.tokens_per_s is None:
            return self.first_token_s
        return self.first_token_s + tokens / self.tokens_per_s
