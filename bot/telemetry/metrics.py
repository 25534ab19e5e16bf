"""The service's Prometheus metrics, on a registry that is passed in.

Names follow the project's words; every label has a bounded number of values.
"""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.process_collector import ProcessCollector

from bot.telemetry.claude_metrics import ClaudeMetrics
from bot.telemetry.labels import BoundedLabel
from bot.telemetry.plugin_metrics import PluginMetrics
from bot.vocabulary import TurnLeft, TurnOutcome

FEEDBACK_BUCKETS_S: Final = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 15)  # promised: 0.3
FIRST_TEXT_BUCKETS_S: Final = (0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 8, 15, 30, 60)
FINAL_BUCKETS_S: Final = (0.5, 1, 2, 4, 8, 15, 30, 60, 120, 180, 300, 900)
LAG_BUCKETS_S: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)


class Metrics:
    """What is counted and timed. Each verb is synchronous, cheap and never raises.

    `claude` is what the Claude client is given as its observer. Durations are seconds. One instance
    per registry: the registry refuses a second.
    """

    def __init__(self, *, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.claude = ClaudeMetrics(registry=registry)
        self._reasons = BoundedLabel()
        self._platforms = BoundedLabel()
        self._turns(registry)
        self._queue(registry)
        self._machine(registry)
        self.plugins = PluginMetrics(registry=registry)

    def _turns(self, registry: CollectorRegistry) -> None:
        self._turns_total = Counter(
            "parley_turns", "Turns that ended, by how.", ["outcome"], registry=registry
        )
        self._ratings = Counter(
            "parley_ratings", "What people thought of answers.", ["verdict"], registry=registry
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
        self._answer_cache = Counter(
            "parley_answer_cache",
            "Questions looked up among stored answers.",
            ["result"],
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

    def turn_finished(self, outcome: TurnOutcome | TurnLeft) -> None:
        """A turn that began here ended, in whatever way."""
        self._active_turns.dec()
        self._turns_total.labels(outcome.value).inc()

    def feedback_shown(self, after_s: float) -> None:
        """The person saw that the bot is at it."""
        self._feedback.observe(after_s)

    def first_text_shown(self, after_s: float) -> None:
        """The person saw the first text."""
        self._first_text.observe(after_s)

    def final_shown(self, after_s: float) -> None:
        """The person saw the complete answer."""
        self._final.observe(after_s)

    def answer_rated(self, *, good: bool) -> None:
        """A person said whether an answer was any good."""
        self._ratings.labels("good" if good else "bad").inc()

    def answer_cache_asked(self, *, hit: bool) -> None:
        """A stored answer to the same question was looked for."""
        self._answer_cache.labels("hit" if hit else "miss").inc()

    def delivery_retried(self, platform: str, reason: str) -> None:
        """Something had to be shown again, because the platform was busy or unavailable."""
        self._delivery_retries.labels(self._platforms.of(platform), self._reasons.of(reason)).inc()

    # --- queue ---------------------------------------------------------------------------------

    def queue_sampled(self, *, depth: int, oldest_waiting_s: float) -> None:
        """What the inbox looks like now; zero seconds if nothing waits."""
        self._queue_depth.set(depth)
        self._oldest_waiting.set(oldest_waiting_s)

    def message_shed(self, reason: str) -> None:
        """A message was turned away."""
        self._shed.labels(self._reasons.of(reason)).inc()

    # --- machine -------------------------------------------------------------------------------

    def loop_lagged(self, lag_s: float) -> None:
        """The event loop was this late."""
        self._loop_lag.observe(lag_s)

    def database_failed(self, kind: str) -> None:
        """A database operation failed: `locked`, `unreachable`, `full` or such."""
        self._database_errors.labels(self._reasons.of(kind)).inc()
