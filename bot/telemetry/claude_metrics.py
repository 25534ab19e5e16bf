"""The metrics of the requests to Claude: the client's observer."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from bot.breaker import BreakerState
from bot.claude.observer import RequestReport
from bot.telemetry.labels import BoundedLabel
from bot.vocabulary import NANO_PER_DOLLAR, EntryStatus, Usage

DURATION_BUCKETS_S: Final = (0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 180, 300)
FIRST_TEXT_BUCKETS_S: Final = (0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 8, 15, 30, 60)
ADMISSION_BUCKETS_S: Final = (0.001, 0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 180)


class ClaudeMetrics:
    """Fulfils `bot.claude.observer.Observer`."""

    def __init__(self, *, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._models = BoundedLabel()
        self._purposes = BoundedLabel()
        self._outcomes = BoundedLabel()
        self._reasons = BoundedLabel()
        self._requests(registry)
        self._usage(registry)
        self._health(registry)

    def _requests(self, registry: CollectorRegistry) -> None:
        self._requests_total = Counter(
            "parley_claude_requests",
            "Requests to the model, retries included, by what for and how they ended.",
            ["model", "purpose", "outcome"],
            registry=registry,
        )
        self._duration = Histogram(
            "parley_claude_request_seconds",
            "How long a request took, from sending to its end.",
            ["model"],
            buckets=DURATION_BUCKETS_S,
            registry=registry,
        )
        self._first_text = Histogram(
            "parley_claude_first_text_seconds",
            "From sending a request to the first text of its answer.",
            ["model"],
            buckets=FIRST_TEXT_BUCKETS_S,
            registry=registry,
        )
        self._admission_wait = Histogram(
            "parley_admission_wait_seconds",
            "How long a request waited before it was let through to the provider.",
            buckets=ADMISSION_BUCKETS_S,
            registry=registry,
        )

    def _usage(self, registry: CollectorRegistry) -> None:
        self._tokens = Counter(
            "parley_tokens", "Tokens, by billing category.", ["model", "kind"], registry=registry
        )
        self._cost = Counter(
            "parley_cost_usd",
            "Cost in dollars, as a float; the ledger is exact.",
            ["model"],
            registry=registry,
        )
        self._unknown_cost = Counter(
            "parley_unknown_cost_requests",
            "Requests whose cost is not known, because the model's price is not.",
            ["model"],
            registry=registry,
        )
        self._prompt_cache = Counter(
            "parley_prompt_cache_requests",
            "Requests by whether they read from the provider's prompt cache.",
            ["model", "result"],
            registry=registry,
        )
        self._ledger_errors = Counter(
            "parley_ledger_errors",
            "Ledger entries that could not be closed and wait for recovery.",
            registry=registry,
        )

    def _health(self, registry: CollectorRegistry) -> None:
        self._retries = Counter(
            "parley_claude_retries",
            "Requests that were repeated, by why.",
            ["model", "reason"],
            registry=registry,
        )
        self._fallbacks = Counter(
            "parley_claude_fallbacks",
            "Times a model was asked because the one before it would not answer.",
            ["model", "reason"],
            registry=registry,
        )
        self._breaker = Gauge(
            "parley_breaker_state",
            "1 for the state a model's circuit breaker is in, 0 for the others.",
            ["model", "state"],
            registry=registry,
        )

    def request_ended(self, report: RequestReport) -> None:
        """Count the request, its time, its tokens and its cost."""
        model = self._models.of(report.model)
        purpose = self._purposes.of(report.attribution.purpose)
        self._requests_total.labels(model, purpose, self._outcomes.of(report.outcome)).inc()
        self._duration.labels(model).observe(report.duration_s)
        if report.first_text_s is not None:
            self._first_text.labels(model).observe(report.first_text_s)
        if report.status is not EntryStatus.UNBILLED:
            self._count_usage(model, report.usage, report.cost_nanousd)

    def _count_usage(self, model: str, usage: Usage, cost_nanousd: int | None) -> None:
        for kind, count in _by_kind(usage).items():
            if count:
                self._tokens.labels(model, kind).inc(count)
        self._prompt_cache.labels(model, "hit" if usage.cache_read_tokens else "miss").inc()
        if cost_nanousd is None:
            self._unknown_cost.labels(model).inc()
        else:
            self._cost.labels(model).inc(cost_nanousd / NANO_PER_DOLLAR)

    def retrying(self, *, model: str, reason: str, wait_s: float) -> None:
        """Count the retry."""
        self._retries.labels(self._models.of(model), self._reasons.of(reason)).inc()

    def falling_back(self, *, model: str, reason: str) -> None:
        """Count the fallback to `model`."""
        self._fallbacks.labels(self._models.of(model), self._reasons.of(reason)).inc()

    def admitted(self, *, model: str, waited_s: float) -> None:
        """Time the wait."""
        self._admission_wait.observe(waited_s)

    def breaker_changed(self, model: str, state: BreakerState) -> None:
        """Show the state."""
        name = self._models.of(model)
        for each in BreakerState:
            self._breaker.labels(name, each.value).set(each is state)

    def books_failed(self, error: Exception) -> None:
        """Count the entry that stays open."""
        self._ledger_errors.inc()


def _by_kind(usage: Usage) -> dict[str, int]:
    return {
        "input": usage.input_tokens,
        "output": usage.output_tokens,
        "cache_read": usage.cache_read_tokens,
        "cache_write_5m": usage.cache_write_5m_tokens,
        "cache_write_1h": usage.cache_write_1h_tokens,
    }
