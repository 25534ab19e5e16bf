"""Traces: sent when an exporter is configured, and never with what people said."""

import asyncio
import builtins
import threading
from collections.abc import AsyncIterator, Mapping
from types import ModuleType
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from anthropic import AsyncAnthropic
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from bot.telemetry.tracing import Tracing, TracingUnavailable, current_trace_id


class Collector:
    """An OpenTelemetry collector on loopback that keeps the spans it is sent."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        app = web.Application()
        app.router.add_post("/v1/traces", self._take)
        self.server = TestServer(app)

    @property
    def address(self) -> str:
        return str(self.server.make_url("/")).rstrip("/")

    async def _take(self, request: web.Request) -> web.Response:
        for resource in ExportTraceServiceRequest.FromString(await request.read()).resource_spans:
            self.services |= {
                a.value.string_value
                for a in resource.resource.attributes
                if a.key == "service.name"
            }
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)
        return web.Response()

    def named(self, name: str) -> Span:
        (span,) = (span for span in self.spans if span.name == name)
        return span


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    collector = Collector()
    async with collector.server:
        yield collector


async def test_a_turn_and_its_steps_are_one_trace(collector: Collector) -> None:
    """The collector gets a step's span as the child of its turn's."""
    tracing = Tracing.configured(otlp_endpoint=collector.address, environ={})
    with tracing.span("turn", turn="t1"), tracing.span("answer"):
        trace_id = current_trace_id()
    await tracing.close(timeout_s=10)
    turn, answer = collector.named("turn"), collector.named("answer")
    assert answer.parent_span_id == turn.span_id
    assert turn.trace_id.hex() == trace_id
    assert [(a.key, a.value.string_value) for a in turn.attributes] == [("turn", "t1")]
    assert collector.services == {"parley"}


async def test_an_error_is_named_but_not_quoted(collector: Collector) -> None:
    """A failed step says which error it was; the error's message, which may quote people, stays here."""
    tracing = Tracing.configured(otlp_endpoint=collector.address, environ={})
    with pytest.raises(ValueError, match="diary"), tracing.span("answer"):
        raise ValueError("my diary")
    await tracing.close(timeout_s=10)
    span = collector.named("answer")
    assert span.status.message == "ValueError"
    assert "diary" not in str(span)


@pytest.mark.parametrize(
    "name", ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]
)
async def test_the_standard_variables_turn_traces_on(
    name: str, monkeypatch: pytest.MonkeyPatch, collector: Collector
) -> None:
    """An operator who knows OpenTelemetry needs none of our settings."""
    path = "/v1/traces" if "TRACES" in name else ""
    monkeypatch.setenv(name, collector.address + path)
    tracing = Tracing.configured(otlp_endpoint="", environ={name: collector.address + path})
    with tracing.span("turn"):
        pass
    await tracing.close(timeout_s=10)
    assert collector.named("turn")


async def test_without_an_endpoint_nothing_is_traced() -> None:
    """Off is the default: spans record nothing, and the Claude SDK is told to make none."""
    tracing = Tracing.configured(otlp_endpoint="", environ={})
    with tracing.span("turn") as span:
        assert not span.is_recording()
        assert current_trace_id() is None
    await tracing.close()
    assert not tracing.enabled
    assert tracing.claude_option is False


async def test_a_missing_package_is_said_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for traces without the extra reads how to install it."""
    real_import = builtins.__import__

    def without_sdk(name: str, *args: Any) -> ModuleType:
        if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter")):
            raise ModuleNotFoundError(name)
        return real_import(name, *args)

    monkeypatch.setattr(builtins, "__import__", without_sdk)
    with pytest.raises(TracingUnavailable, match=r"pip install 'parley\[otel\]'"):
        Tracing.configured(otlp_endpoint="http://127.0.0.1:1", environ={})


async def test_a_dead_collector_holds_no_shutdown(
    unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing returns although nobody takes the last spans; the exporter gives up in its own time."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.3")
    tracing = Tracing.configured(otlp_endpoint=f"http://127.0.0.1:{unused_tcp_port}", environ={})
    with tracing.span("turn"):
        pass
    async with asyncio.timeout(10):
        await tracing.close(timeout_s=0.05)
    for thread in threading.enumerate():
        if thread.name == "traces-flush":
            await asyncio.to_thread(thread.join)


@pytest.mark.parametrize("propagate", [False, True])
async def test_the_api_sees_no_trace_context_unless_asked(
    propagate: bool, collector: Collector
) -> None:
    """`traceparent` is sent to Claude only where the operator wants it; our spans exist either way."""
    seen: list[Mapping[str, str]] = []

    async def models(request: web.Request) -> web.Response:
        seen.append(request.headers)
        return web.json_response(
            {"id": "m", "type": "model", "display_name": "M", "created_at": "2026-01-01T00:00:00Z"}
        )

    app = web.Application()
    app.router.add_get("/v1/models/m", models)
    tracing = Tracing.configured(otlp_endpoint=collector.address, environ={}, propagate=propagate)
    async with TestServer(app) as api:
        client = AsyncAnthropic(
            api_key="k", base_url=str(api.make_url("/")), open_telemetry=tracing.claude_option
        )
        async with client:
            with tracing.span("turn"):
                await client.models.retrieve("m")
    await tracing.close(timeout_s=10)
    assert ["traceparent" in headers for headers in seen] == [propagate]
    assert {span.trace_id for span in collector.spans} == {collector.named("turn").trace_id}
