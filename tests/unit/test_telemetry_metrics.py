"""Metrics: what a scrape shows after the service has done something."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from bot.breaker import BreakerState
from bot.claude.observer import Observer, RequestReport
from bot.telemetry.claude_metrics import ClaudeMetrics
from bot.telemetry.labels import MAX_VALUES
from bot.telemetry.metrics import Metrics
from bot.vocabulary import Attribution, EntryStatus, TurnOutcome, Usage

MODEL = "claude-sonnet-5-5"


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> Metrics:
    return Metrics(registry=registry)


@pytest.fixture
def claude(metrics: Metrics) -> ClaudeMetrics:
    return metrics.claude


def value(metrics: Metrics | ClaudeMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_turns_are_counted_by_outcome_and_while_they_run(metrics: Metrics) -> None:
    """Two turns began, one was answered: one still runs."""
    metrics.turn_started()
    metrics.turn_started()
    metrics.turn_finished(TurnOutcome.ANSWERED)
    assert value(metrics, "parley_active_turns") == 1
    assert value(metrics, "parley_turns_total", outcome="answered") == 1


def test_times_fall_into_buckets_around_what_is_promised(metrics: Metrics) -> None:
    """Whether feedback came within the promised 300 ms can be read off a bucket."""
    metrics.feedback_shown(0.29)
    metrics.feedback_shown(0.31)
    assert value(metrics, "parley_feedback_seconds_bucket", le="0.3") == 1
    metrics.first_text_shown(1.2)
    metrics.final_shown(7)
    assert value(metrics, "parley_first_text_seconds_sum") == pytest.approx(1.2)
    assert value(metrics, "parley_final_seconds_bucket", le="8.0") == 1


def test_the_queue_shows_its_depth_and_its_oldest_message(metrics: Metrics) -> None:
    """Gauges follow the last sample."""
    metrics.queue_sampled(depth=4, oldest_waiting_s=12.5)
    metrics.queue_sampled(depth=0, oldest_waiting_s=0)
    assert value(metrics, "parley_queue_depth") == 0
    assert value(metrics, "parley_oldest_waiting_seconds") == 0


def report(
    model: str = MODEL,
    *,
    usage: Usage | None = None,
    cost_nanousd: int | None = 0,
    status: EntryStatus = EntryStatus.COMPLETED,
    first_text_s: float | None = 0.4,
) -> RequestReport:
    return RequestReport(
        model=model,
        attribution=Attribution(purpose="answer"),
        outcome="completed",
        status=status,
        usage=usage or Usage(),
        cost_nanousd=cost_nanousd,
        duration_s=3.0,
        first_text_s=first_text_s,
        request_id="req_1",
    )


def test_the_claude_client_can_be_observed(claude: ClaudeMetrics) -> None:
    """What is counted of Claude is what its client tells."""
    observer: Observer = claude
    observer.request_ended(report())
    observer.request_ended(report(first_text_s=None))
    observer.admitted(model=MODEL, waited_s=0.02)
    counted = value(
        claude, "parley_claude_requests_total", model=MODEL, purpose="answer", outcome="completed"
    )
    assert counted == 2
    assert value(claude, "parley_claude_request_seconds_sum", model=MODEL) == 6
    assert value(claude, "parley_claude_first_text_seconds_count", model=MODEL) == 1
    assert value(claude, "parley_admission_wait_seconds_bucket", le="0.05") == 1
    assert value(claude, "parley_admission_wait_seconds_bucket", le="0.01") == 0


def test_tokens_and_cost_are_counted_by_model(claude: ClaudeMetrics) -> None:
    """Every billing category is counted, and nano-dollars become dollars."""
    usage = Usage(
        input_tokens=5,
        output_tokens=7,
        cache_read_tokens=11,
        cache_write_5m_tokens=13,
        cache_write_1h_tokens=17,
    )
    claude.request_ended(report(usage=usage, cost_nanousd=2_500_000))
    kinds = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
    counted = [value(claude, "parley_tokens_total", model=MODEL, kind=kind) for kind in kinds]
    assert counted == [5, 7, 11, 13, 17]
    assert value(claude, "parley_cost_usd_total", model=MODEL) == pytest.approx(0.0025)
    assert value(claude, "parley_prompt_cache_requests_total", model=MODEL, result="hit") == 1


def test_an_unknown_price_is_not_a_cost_of_zero(claude: ClaudeMetrics) -> None:
    """A request without a known price is counted as such and adds no cost."""
    claude.request_ended(report(usage=Usage(input_tokens=1), cost_nanousd=None))
    assert value(claude, "parley_unknown_cost_requests_total", model=MODEL) == 1
    assert value(claude, "parley_cost_usd_total", model=MODEL) is None


def test_a_request_that_is_not_billed_has_no_unknown_cost(claude: ClaudeMetrics) -> None:
    """What the provider refused before any work is no hole in the bill."""
    claude.request_ended(report(cost_nanousd=None, status=EntryStatus.UNBILLED))
    assert value(claude, "parley_unknown_cost_requests_total", model=MODEL) is None


def test_a_breaker_is_in_one_state_at_a_time(claude: ClaudeMetrics) -> None:
    """When a breaker changes, its former state reads zero."""
    claude.breaker_changed(MODEL, BreakerState.OPEN)
    claude.breaker_changed(MODEL, BreakerState.HALF_OPEN)
    states = {
        state: value(claude, "parley_breaker_state", model=MODEL, state=state)
        for state in ("closed", "half_open", "open")
    }
    assert states == {"closed": 0, "half_open": 1, "open": 0}


def test_what_goes_wrong_is_counted_by_reason(metrics: Metrics, claude: ClaudeMetrics) -> None:
    """Retries, shed messages, deliveries and database errors each have their counter."""
    claude.retrying(model=MODEL, reason="overloaded", wait_s=0.5)
    claude.falling_back(model="claude-haiku-5-5", reason="overloaded")
    claude.books_failed(OSError())
    metrics.message_shed("full")
    metrics.delivery_retried("slack", "busy")
    metrics.database_failed("locked")
    metrics.answer_cache_asked(hit=True)
    metrics.answer_cache_asked(hit=False)
    assert value(metrics, "parley_claude_retries_total", model=MODEL, reason="overloaded") == 1
    fallbacks = value(
        metrics, "parley_claude_fallbacks_total", model="claude-haiku-5-5", reason="overloaded"
    )
    assert fallbacks == 1
    assert value(metrics, "parley_ledger_errors_total") == 1
    assert value(metrics, "parley_shed_messages_total", reason="full") == 1
    assert value(metrics, "parley_delivery_retries_total", platform="slack", reason="busy") == 1
    assert value(metrics, "parley_database_errors_total", kind="locked") == 1
    assert value(metrics, "parley_answer_cache_total", result="hit") == 1
    assert value(metrics, "parley_answer_cache_total", result="miss") == 1


def test_labels_do_not_grow_without_bound(claude: ClaudeMetrics) -> None:
    """However many models are named, a scrape stays small and loses no count."""
    for number in range(MAX_VALUES + 50):
        claude.request_ended(report(f"model-{number}", usage=Usage(output_tokens=1)))
    text = generate_latest(claude.registry).decode()
    lines = [line for line in text.splitlines() if line.startswith("parley_tokens_total")]
    assert len(lines) == MAX_VALUES + 1
    assert value(claude, "parley_tokens_total", model="other", kind="output") == 50


def test_two_sets_of_metrics_live_side_by_side() -> None:
    """Nothing is global: each registry has its own counts."""
    one, two = Metrics(registry=CollectorRegistry()), Metrics(registry=CollectorRegistry())
    one.turn_finished(TurnOutcome.ANSWERED)
    assert value(two, "parley_turns_total", outcome="answered") is None
