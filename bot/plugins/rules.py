"""What is in force where plugin code runs: the model, and the operator's settings."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelsHere:
    """Which model answers in a thread."""

    current: str
    chosen_for: str | None
    """`thread` or `channel`, if people chose it there; None: it is the one of the settings."""
    configured: str
    allowed: tuple[str, ...]
    """All that may be chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the operator's settings say in a channel."""

    fallback_models: tuple[str, ...]
    effort: str
    max_output_tokens: int
    deadline_s: float
    channel_messages: int
    channel_per_s: float
    on_limit: str
    followups: str
    max_input_tokens: int
    text_days: int
    """For how long texts are kept; 0: for ever."""
    plugins: tuple[str, ...]
    """Those that are on here."""
