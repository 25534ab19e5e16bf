"""The service's Prometheus metrics, on a registry that is passed in.

Names follow the project's words; every label has a bounded number of values.
"""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.process_collector import ProcessCollector

from bot.vocabulary import Usage

NANOUSD_PER_USD: Final = 1_000_000_000

MAX_LABEL_VALUES: Final = 64
"""Of one label of one metric; further values are counted together as `other`."""

OTHER: Final = "other"

FEEDBACK_BUCKETS_S: Final = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 15)  # promised: 0.3
FIRST_TEXT_BUCKETS_S: Final = (0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 8, 15, 30, 60)
FINAL_BUCKETS_S: Final = (0.5, 1, 2, 4, 8, 15, 30, 60, 120, 180, 300, 900)
ADMISSION_BUCKETS_S: Final = (0.001, 0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 180)
LAG_BUCKETS_S: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)

BREAKER_STATES: Final = ("closed", "half_open", "open")


class _Label:
    """The values a label has had, so that their number stays bounded."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def bounded(self, value: str) -> str:
        if value in self._seen:
            return value
        if len(self._seen) >= MAX_LABEL_VALUES:
            return OTHER
        self._seen.add(value)
        return value


class Metrics:
    """What is counted and timed. Each verb is synchronous, cheap and never raises.

    Durations are seconds. One instance per registry: the registry refuses a second.
    """

    def __init__(self, *, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._models, self._reasons, self._outcomes = _Label(), _Label(), _Label()
        self._platforms = _Label()
        self._turns(registry)
        self._queue(registry)
        self._claude(registry)
        self._machine(registry)

    def _turns(self, registry: CollectorRegistry) -> None:
        self._turns_total = Counter(
            "parley_turns", "Turns that ended, by how.", ["outcome"], registry=registry
        )
        self._active_turns = Gauge(
            "parley_active_turns", "Turns now running here.", registry=registry
        )
        self._feedback = Histogram(
            "parley_feedback_seconds",
            "From a message's arrival to the first sign that the bot is at it.",
            buckets=FEEDBACK_BUCKETS_S,
            registry=registry,
        )
        self._first_text = Histogram(
            "parley_first_text_seconds",
            "From a message's arrival to the first text of its answer.",
            buckets=FIRST_TEXT_BUCKETS_S,
            registry=registry,
        )
        self._final = Histogram(
            "parley_final_seconds",
            "From a message's arrival to the complete visible answer.",
            buckets=FINAL_BUCKETS_S,
            registry=registry,
        )
        self._delivery_retries = Counter(
            "parley_delivery_retries",
            "Attempts to show something that had to be repeated.",
            ["platform", "reason"],
            registry=registry,
        )

    def _queue(self, registry: CollectorRegistry) -> None:
        self._queue_depth = Gauge(
            "parley_queue_depth", "Messages in the inbox that wait for a turn.", registry=registry
        )
        self._oldest_waiting = Gauge(
            "parley_oldest_waiting_seconds", "Age of the oldest waiting message.", registry=registry
        )
        self._shed = Counter(
            "parley_shed_messages",
            "Messages turned away with a notice.",
            ["reason"],
            registry=registry,
        )

    def _claude(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "parley_claude_requests",
            "Requests to the model, retries included, by how they ended.",
            ["model", "outcome"],
            registry=registry,
        )
        self._retries = Counter(
            "parley_claude_retries",
            "Requests that were repeated, by why.",
            ["model", "reason"],
            registry=registry,
        )
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
            "Requests to models whose price is not known.",
            ["model"],
            registry=registry,
        )
        self._answer_cache = Counter(
            "parley_answer_cache",
            "Questions looked up among stored answers.",
            ["result"],
            registry=registry,
        )
        self._prompt_cache = Counter(
            "parley_prompt_cache_requests",
            "Requests by whether they read from the provider's prompt cache.",
            ["model", "result"],
            registry=registry,
        )
        self._breaker = Gauge(
            "parley_breaker_state",
            "1 for the state a model's circuit breaker is in, 0 for the others.",
            ["model", "state"],
            registry=registry,
        )
        self._admission_wait = Histogram(
            "parley_admission_wait_seconds",
            "How long a request waited before it was let through to the provider.",
            buckets=ADMISSION_BUCKETS_S,
            registry=registry,
        )

    def _machine(self, registry: CollectorRegistry) -> None:
        self._loop_lag = Histogram(
            "parley_event_loop_lag_seconds",
            "How late the event loop wakes a sleeper.",
            buckets=LAG_BUCKETS_S,
            registry=registry,
        )
        self._database_errors = Counter(
            "parley_database_errors",
            "Database operations that failed.",
            ["kind"],
            registry=registry,
        )
        ProcessCollector(registry=registry)

    # --- turns ---------------------------------------------------------------------------------

    def turn_started(self) -> None:
        """A turn began here."""
        self._active_turns.inc()

    def turn_finished(self, outcome: str) -> None:
        """A turn that began here ended, in whatever way."""
        self._active_turns.dec()
        self._turns_total.labels(self._outcomes.bounded(outcome)).inc()

    def feedback_shown(self, after_s: float) -> None:
        """The person saw that the bot is at it."""
        self._feedback.observe(after_s)

    def first_text_shown(self, after_s: float) -> None:
        """The person saw the first text."""
        self._first_text.observe(after_s)

    def final_shown(self, after_s: float) -> None:
        """The person saw the complete answer."""
        self._final.observe(after_s)

    def delivery_retried(self, platform: str, reason: str) -> None:
        """Something had to be shown again, because the platform was busy or unavailable."""
        self._delivery_retries.labels(
            self._platforms.bounded(platform), self._reasons.bounded(reason)
        ).inc()

    # --- queue ---------------------------------------------------------------------------------

    def queue_sampled(self, *, depth: int, oldest_waiting_s: float) -> None:
        """What the inbox looks like now; zero seconds if nothing waits."""
        self._queue_depth.set(depth)
        self._oldest_waiting.set(oldest_waiting_s)

    def message_shed(self, reason: str) -> None:
        """A message was turned away."""
        self._shed.labels(self._reasons.bounded(reason)).inc()

    # --- Claude --------------------------------------------------------------------------------

    def request_finished(self, model: str, outcome: str) -> None:
        """One request to the model ended."""
        self._requests.labels(self._models.bounded(model), self._outcomes.bounded(outcome)).inc()

    def retried(self, model: str, reason: str) -> None:
        """A request is going to be repeated."""
        self._retries.labels(self._models.bounded(model), self._reasons.bounded(reason)).inc()

    def tokens_used(self, model: str, usage: Usage, cost_nanousd: int | None) -> None:
        """What one request used and cost; None where the price is not known."""
        name = self._models.bounded(model)
        for kind, count in _by_kind(usage).items():
            if count:
                self._tokens.labels(name, kind).inc(count)
        self._prompt_cache.labels(name, "hit" if usage.cache_read_tokens else "miss").inc()
        if cost_nanousd is None:
            self._unknown_cost.labels(name).inc()
        else:
            self._cost.labels(name).inc(cost_nanousd / NANOUSD_PER_USD)

    def answer_cache_asked(self, *, hit: bool) -> None:
        """A stored answer to the same question was looked for."""
        self._answer_cache.labels("hit" if hit else "miss").inc()

    def breaker_changed(self, model: str, state: str) -> None:
        """A model's circuit breaker is now `closed`, `half_open` or `open`."""
        name = self._models.bounded(model)
        for each in BREAKER_STATES:
            self._breaker.labels(name, each).set(each == state)

    def admission_waited(self, waited_s: float) -> None:
        """A request was let through after this long."""
        self._admission_wait.observe(waited_s)

    # --- machine -------------------------------------------------------------------------------

    def loop_lagged(self, lag_s: float) -> None:
        """The event loop was this late."""
        self._loop_lag.observe(lag_s)

    def database_failed(self, kind: str) -> None:
        """A database operation failed: `locked`, `unreachable`, `full` or such."""
        self._database_errors.labels(self._reasons.bounded(kind)).inc()


def _by_kind(usage: Usage) -> dict[str, int]:
    return {
        "input": usage.input_tokens,
        "output": usage.output_tokens,
        "cache_read": usage.cache_read_tokens,
        "cache_write_5m": usage.cache_write_5m_tokens,
        "cache_write_1h": usage.cache_write_1h_tokens,
    }
