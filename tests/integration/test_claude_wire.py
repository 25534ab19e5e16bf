"""What goes over the wire beside the answers: connections, limits, traces."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from bot.claude.events import TextDelta
from bot.claude.observer import NullObserver
from bot.vocabulary import ManualClock, SystemClock
from sandbox.claude import Fault, Outcome, Pace, RateLimits, Reply, SimulatedClaude
from tests.integration.claude_desk import SONNET, Desk, Told, desk_at
from tests.support import wait_until


class Waits(NullObserver):
    """Counts who was let go."""

    def __init__(self) -> None:
        self.admitted_count = 0

    def admitted(self, *, model: str, waited_s: float) -> None:
        """Count."""
        self.admitted_count += 1


class CountingProxy:
    """Passes bytes on, and counts the connections."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "", parts.port or 0)
        self.connections = 0
        self.open = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Listens as long as the block runs; gives its address."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        other_reader, other_writer = await asyncio.open_connection(*self._target)
        await asyncio.gather(_pump(reader, other_writer), _pump(other_reader, writer))
        self.open -= 1


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def test_one_connection_serves_a_conversation(simulated_claude: SimulatedClaude) -> None:
    """A finished response is read to its end, so that its connection can be used again."""
    proxy = CountingProxy(simulated_claude.base_url)
    async with (
        proxy.listening() as address,
        desk_at(simulated_claude, base_url=address) as desk,
    ):
        for _ in range(5):
            assert (await desk.ask()).completion.text
        assert proxy.connections == 1
    await wait_until(lambda: proxy.open == 0)


async def test_a_failed_stream_gives_its_connection_back(simulated_claude: SimulatedClaude) -> None:
    """However a request ends, no connection stays open that nobody reads."""
    proxy = CountingProxy(simulated_claude.base_url)
    simulated_claude.script.always(Reply("word " * 50))
    async with (
        proxy.listening() as address,
        desk_at(simulated_claude, base_url=address) as desk,
    ):
        simulated_claude.fail_next(
            Fault.stream_error(after_chunks=2), Fault.truncated_json(2), Fault.of_status(529)
        )
        await desk.ask()
        simulated_claude.hold(after_chunks=2)
        events = desk.answer()
        await anext(events)
        await events.aclose()
        await wait_until(lambda: proxy.open <= 1)


async def test_a_limit_is_waited_for_and_not_run_into() -> None:
    """Of eight questions to a provider that takes five a minute, three wait; none is turned away."""
    clock = ManualClock()
    limits = RateLimits(requests_per_min=5, enforced=True)
    async with (
        SimulatedClaude(clock=clock, limits=limits) as provider,
        desk_at(provider, clock=clock, observer=(waits := Waits())) as desk,
    ):
        assert (await desk.ask("first", deadline_s=1000.0)).completion.text
        asked = [
            asyncio.ensure_future(desk.ask(f"{n}", deadline_s=1000.0, models=[SONNET]))
            for n in range(7)
        ]
        await _wait_for_done(asked, 4)
        for expected in (5, 6, 7):
            assert desk.client.admission.waiting == 8 - expected
            await clock.advance(12.0)  # one of five a minute
            await _wait_for_done(asked, expected)
        assert all(task.result().completion.text for task in asked)
        assert {request.outcome for request in provider.requests} == {Outcome.ANSWERED}
        assert waits.admitted_count == 8


async def _wait_for_done(tasks: Sequence["asyncio.Task[Told]"], count: int) -> None:
    await wait_until(lambda: sum(task.done() for task in tasks) == count)


async def test_a_busy_channel_does_not_keep_a_quiet_one_waiting(
    simulated_claude: SimulatedClaude,
) -> None:
    """With one place, the quiet channel's question is the next to be answered."""
    async with desk_at(simulated_claude, max_concurrency=1) as desk:
        simulated_claude.hold()
        busy = [asyncio.ensure_future(desk.ask(f"busy {n}", channel="busy")) for n in range(5)]
        await simulated_claude.wait_for_request()
        quiet = asyncio.ensure_future(desk.ask("quiet", channel="quiet"))
        await wait_until(lambda: desk.client.admission.waiting == 5)
        simulated_claude.release()
        await asyncio.gather(*busy, quiet)
        order = [request.body["messages"][0]["content"] for request in simulated_claude.requests]
        assert order.index("quiet") <= 2


async def test_never_more_requests_than_allowed(simulated_claude: SimulatedClaude) -> None:
    """The provider never sees more than `max_concurrency` at once, and all are answered."""
    simulated_claude.limits = RateLimits(max_concurrent=3)
    async with desk_at(simulated_claude, max_concurrency=3) as desk:
        told = await asyncio.gather(*(desk.ask(f"{n}", channel=f"c{n % 4}") for n in range(20)))
        assert all(each.completion.attempts == 1 for each in told)
        assert desk.client.admission.free == 3


async def test_a_slow_stream_comes_in_lumps_and_whole(simulated_claude: SimulatedClaude) -> None:
    """Words that come one by one are gathered, and not one is lost."""
    text = " ".join(f"word{n}" for n in range(120))
    simulated_claude.script.always(Reply(text))
    simulated_claude.pace = Pace(tokens_per_s=800.0, tokens_per_chunk=1)
    async with desk_at(simulated_claude) as desk:
        told = await desk.ask()
    pieces = [event for event in told.events if isinstance(event, TextDelta)]
    assert told.shown == text
    assert 1 < len(pieces) < 120


@pytest.fixture
def spans() -> InMemorySpanExporter:
    """Where spans go."""
    return InMemorySpanExporter()


@asynccontextmanager
async def traced(
    provider: SimulatedClaude, spans: InMemorySpanExporter, *, propagation: bool
) -> AsyncIterator[Desk]:
    """A client that makes spans."""
    tracing = TracerProvider()
    tracing.add_span_processor(SimpleSpanProcessor(spans))
    option = {"tracer_provider": tracing, "propagation": propagation, "traces": True}
    async with desk_at(provider, clock=SystemClock(), open_telemetry=option) as desk:
        yield desk
    tracing.shutdown()


@pytest.mark.parametrize("propagation", [False, True])
async def test_a_traced_request_has_a_span_and_no_content(
    simulated_claude: SimulatedClaude, spans: InMemorySpanExporter, propagation: bool
) -> None:
    """The span ends with the stream, and the provider learns the trace only if the operator wants."""
    async with traced(simulated_claude, spans, propagation=propagation) as desk:
        await desk.ask("A secret question")
    (span,) = spans.get_finished_spans()
    attributes = dict(span.attributes or {})
    (request,) = simulated_claude.requests
    assert attributes["anthropic.request.id"] == request.request_id
    assert "secret" not in str(attributes)
    assert ("traceparent" in request.headers) is propagation


async def test_an_abandoned_request_ends_its_span(
    simulated_claude: SimulatedClaude, spans: InMemorySpanExporter
) -> None:
    """No span stays open for a caller who went away."""
    simulated_claude.script.always(Reply("word " * 50))
    simulated_claude.hold(after_chunks=2)
    async with traced(simulated_claude, spans, propagation=False) as desk:
        events = desk.answer()
        await anext(events)
        await events.aclose()
        assert len(spans.get_finished_spans()) == 1


async def test_without_tracing_nothing_is_told(simulated_claude: SimulatedClaude) -> None:
    """The default sends no trace context."""
    async with desk_at(simulated_claude) as desk:
        await desk.ask()
    assert "traceparent" not in simulated_claude.requests[0].headers
