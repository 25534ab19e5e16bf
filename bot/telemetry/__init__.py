"""What an operator sees of a running service: logs, metrics, traces and the event loop's lag."""

from bot.telemetry.claude_metrics import ClaudeMetrics
from bot.telemetry.logs import configure_logs, turn_context
from bot.telemetry.loop_lag import LoopLag
from bot.telemetry.metrics import Metrics
from bot.telemetry.tracing import Tracing, TracingUnavailable

__all__ = [
    "ClaudeMetrics",
    "LoopLag",
    "Metrics",
    "Tracing",
    "TracingUnavailable",
    "configure_logs",
    "turn_context",
]
