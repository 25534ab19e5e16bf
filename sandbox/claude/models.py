"""The models the simulated API knows, with what each accepts and refuses.

Sources: the provider's model overview, "what's new" pages and prompt-caching limits, October and
November 2026. Where no page says it, the stricter reading was taken; some release dates are known
to the month alone.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime

_MILLION = 1_000_000
_LOW_TO_HIGH = ("low", "medium", "high")
_LOW_TO_MAX = ("low", "medium", "high", "max")
_ALL_EFFORTS = ("low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What one model accepts; limits are in tokens.

    `thinking` holds the accepted `thinking.type` values; `no_thinking_efforts` the effort levels at
    which thinking may be off. `snapshot` is the dated id that responses carry where there is one.
    """

    id: str
    name: str
    line: str
    released: date
    thinking: frozenset[str]
    context_tokens: int = _MILLION
    max_output_tokens: int = 128_000
    min_cacheable_tokens: int = 512
    thinks_by_default: bool = True
    no_thinking_efforts: tuple[str, ...] = _LOW_TO_HIGH
    efforts: tuple[str, ...] = _ALL_EFFORTS
    default_effort: str = "high"
    prefill: bool = False
    forced_tools: bool = True
    sampling: bool = False
    system_messages: bool = True
    snapshot: str | None = None
    retires: date | None = None

    @property
    def reported_id(self) -> str:
        """The id that responses carry."""
        return self.snapshot or self.id

    def retired(self, now: datetime) -> bool:
        """It can no longer be asked."""
        return self.retires is not None and now >= datetime(
            self.retires.year, self.retires.month, self.retires.day, tzinfo=UTC
        )


def find_model(name: str, now: datetime) -> Model | None:
    """The model of that id or dated id; None if there is none or it has been retired."""
    for model in MODELS:
        if name in (model.id, model.snapshot):
            return None if model.retired(now) else model
    return None


_ADAPTIVE = frozenset({"adaptive"})
_ADAPTIVE_OR_OFF = frozenset({"adaptive", "disabled"})
_ADAPTIVE_OR_BETWEEN = frozenset({"adaptive", "between_tools"})
_BUDGET_OR_OFF = frozenset({"enabled", "disabled"})
_ANY = frozenset({"adaptive", "enabled", "disabled"})

MODELS: tuple[Model, ...] = (
    Model(
        id="claude-fable-5-2",
        name="Claude Fable 5.2",
        line="fable",
        released=date(2026, 11, 9),
        thinking=_ADAPTIVE,
        forced_tools=False,
    ),
    Model(
        id="claude-haiku-5-5",
        name="Claude Haiku 5.5",
        line="haiku",
        released=date(2026, 10, 7),
        thinking=_ADAPTIVE_OR_OFF,
        default_effort="medium",
    ),
    Model(
        id="claude-sonnet-5-5",
        name="Claude Sonnet 5.5",
        line="sonnet",
        released=date(2026, 9, 28),
        thinking=_ADAPTIVE_OR_BETWEEN,
        forced_tools=False,
    ),
    Model(
        id="claude-opus-5-5",
        name="Claude Opus 5.5",
        line="opus",
        released=date(2026, 9, 22),
        thinking=_ADAPTIVE,
        default_effort="medium",
        forced_tools=False,
    ),
    Model(
        id="claude-fable-5-1",
        name="Claude Fable 5.1",
        line="fable",
        released=date(2026, 9, 1),
        thinking=_ADAPTIVE,
        forced_tools=False,
    ),
    Model(
        id="claude-opus-5",
        name="Claude Opus 5",
        line="opus",
        released=date(2026, 7, 1),
        thinking=_ADAPTIVE_OR_OFF,
    ),
    Model(
        id="claude-sonnet-5",
        name="Claude Sonnet 5",
        line="sonnet",
        released=date(2026, 6, 1),
        thinking=_ADAPTIVE_OR_OFF,
        no_thinking_efforts=_ALL_EFFORTS,
        min_cacheable_tokens=1024,
        system_messages=False,
    ),
    Model(
        id="claude-opus-4-8",
        name="Claude Opus 4.8",
        line="opus",
        released=date(2026, 5, 1),
        thinking=_ADAPTIVE_OR_OFF,
        no_thinking_efforts=_ALL_EFFORTS,
        thinks_by_default=False,
        min_cacheable_tokens=1024,
    ),
    Model(
        id="claude-opus-4-7",
        name="Claude Opus 4.7",
        line="opus",
        released=date(2026, 4, 1),
        thinking=_ADAPTIVE_OR_OFF,
        no_thinking_efforts=_ALL_EFFORTS,
        thinks_by_default=False,
        min_cacheable_tokens=2048,
        system_messages=False,
    ),
    Model(
        id="claude-sonnet-4-6",
        name="Claude Sonnet 4.6",
        line="sonnet",
        released=date(2026, 2, 17),
        thinking=_ANY,
        no_thinking_efforts=_LOW_TO_MAX,
        thinks_by_default=False,
        max_output_tokens=64_000,
        min_cacheable_tokens=1024,
        efforts=_LOW_TO_MAX,
        sampling=True,
        system_messages=False,
    ),
    Model(
        id="claude-opus-4-6",
        name="Claude Opus 4.6",
        line="opus",
        released=date(2026, 2, 5),
        thinking=_ANY,
        no_thinking_efforts=_LOW_TO_MAX,
        thinks_by_default=False,
        min_cacheable_tokens=4096,
        efforts=_LOW_TO_MAX,
        sampling=True,
        system_messages=False,
    ),
    Model(
        id="claude-opus-4-5",
        snapshot="claude-opus-4-5-20251101",
        name="Claude Opus 4.5",
        line="opus",
        released=date(2025, 11, 24),
        thinking=_BUDGET_OR_OFF,
        thinks_by_default=False,
        context_tokens=200_000,
        max_output_tokens=64_000,
        min_cacheable_tokens=4096,
        efforts=_LOW_TO_HIGH,
        prefill=True,
        sampling=True,
        system_messages=False,
    ),
    Model(
        id="claude-haiku-4-5",
        snapshot="claude-haiku-4-5-20251001",
        name="Claude Haiku 4.5",
        line="haiku",
        released=date(2025, 10, 15),
        thinking=_BUDGET_OR_OFF,
        thinks_by_default=False,
        context_tokens=200_000,
        max_output_tokens=64_000,
        min_cacheable_tokens=4096,
        efforts=(),
        prefill=True,
        sampling=True,
        system_messages=False,
    ),
    Model(
        id="claude-sonnet-4-5",
        snapshot="claude-sonnet-4-5-20250929",
        name="Claude Sonnet 4.5",
        line="sonnet",
        released=date(2025, 9, 29),
        thinking=_BUDGET_OR_OFF,
        thinks_by_default=False,
        context_tokens=200_000,
        max_output_tokens=64_000,
        min_cacheable_tokens=1024,
        efforts=(),
        prefill=True,
        sampling=True,
        system_messages=False,
        retires=date(2026, 11, 30),
    ),
)
