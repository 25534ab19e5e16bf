"""What plugins do, as metrics."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from bot.telemetry.labels import BoundedLabel

CALL_BUCKETS_S = (0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300)


class PluginMetrics:
    """Hears of every call of plugin code. One instance per registry."""

    def __init__(self, *, registry: CollectorRegistry) -> None:
        self._names = BoundedLabel()
        self._calls = Counter(
            "parley_plugin_calls",
            "Calls of plugin code, by how they ended.",
            ["plugin", "outcome"],
            registry=registry,
        )
        self._seconds = Histogram(
            "parley_plugin_call_seconds",
            "How long calls of plugin code took.",
            ["plugin"],
            buckets=CALL_BUCKETS_S,
            registry=registry,
        )
        self._left_behind = Gauge(
            "parley_plugin_left_behind",
            "Handlers that ignore their cancellation and still run.",
            ["plugin"],
            registry=registry,
        )
        self._blocked = Counter(
            "parley_plugin_blocked_loop",
            "How often a plugin kept the event loop waiting.",
            ["plugin"],
            registry=registry,
        )

    def plugin_called(self, plugin: str, what: str, outcome: str, duration_s: float) -> None:
        """A call ended."""
        name = self._names.of(plugin)
        self._calls.labels(name, outcome).inc()
        self._seconds.labels(name).observe(duration_s)

    def plugin_left_behind(self, plugin: str, running: int) -> None:
        """So many handlers go on although nobody waits for them."""
        self._left_behind.labels(self._names.of(plugin)).set(running)

    def plugin_blocked_loop(self, plugin: str, seconds: float) -> None:
        """The event loop stood still in a plugin's code."""
        self._blocked.labels(self._names.of(plugin)).inc()
