"""OpenTelemetry traces: a span for a turn and for each of its steps.

Traces exist only when an exporter is configured, by `telemetry.otlp_endpoint` or by the standard
environment variables. The provider is our own and never the process-wide one; the Claude SDK is handed
it, and told not to send trace context to the API unless the operator asks for that.
"""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, Literal

from opentelemetry import trace
from opentelemetry.trace import NoOpTracer, Span, Status, StatusCode, Tracer
from opentelemetry.util.types import AttributeValue

if TYPE_CHECKING:
    from anthropic._types import OpenTelemetryOptions
    from opentelemetry.sdk.trace import TracerProvider

SERVICE_NAME: Final = "parley"
FLUSH_S: Final = 1.0  # with the web server and the running turns, all must end within 10 s

ENDPOINT_VARIABLES: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""https://opentelemetry.io/docs/specs/otel/protocol/exporter/"""

_TRACES_PATH: Final = "/v1/traces"


class TracingUnavailable(Exception):
    """Traces are asked for, but the packages that send them are not installed."""

    def __init__(self) -> None:
        super().__init__(
            "An OpenTelemetry endpoint is set, but the exporter is not installed. "
            "Install it with: pip install 'parley[otel]' - or unset telemetry.otlp_endpoint and "
            + ", ".join(ENDPOINT_VARIABLES)
            + "."
        )


class Tracing:
    """Makes spans; `Tracing.off()` makes none and costs next to nothing."""

    def __init__(
        self, *, tracer: Tracer, provider: "TracerProvider | None" = None, propagate: bool = False
    ) -> None:
        self._tracer = tracer
        self._provider = provider
        self._propagate = propagate

    @classmethod
    def off(cls) -> "Tracing":
        """Spans that record nothing."""
        return cls(tracer=NoOpTracer())

    @classmethod
    def configured(
        cls, *, otlp_endpoint: str, environ: Mapping[str, str], propagate: bool = False
    ) -> "Tracing":
        """Traces to `otlp_endpoint`, the collector's base address, or to where `environ` says; off if
        neither is set. With `propagate`, requests to Claude carry a `traceparent`.

        Raises:
            TracingUnavailable: the extra `otel` is not installed.
        """
        if not otlp_endpoint and not any(environ.get(name) for name in ENDPOINT_VARIABLES):
            return cls.off()
        provider = _exporting_provider(
            otlp_endpoint, environ.get("OTEL_SERVICE_NAME", SERVICE_NAME)
        )
        tracer = provider.get_tracer(SERVICE_NAME)
        return cls(tracer=tracer, provider=provider, propagate=propagate)

    @property
    def enabled(self) -> bool:
        """Whether spans go anywhere."""
        return self._provider is not None

    @property
    def claude_option(self) -> "OpenTelemetryOptions | Literal[False]":
        """What the Anthropic client is given as `open_telemetry`: never any content of messages."""
        if self._provider is None:
            return False
        return {"tracer_provider": self._provider, "propagation": self._propagate, "traces": True}

    @contextmanager
    def span(self, name: str, **attributes: AttributeValue) -> Iterator[Span]:
        """A span around a step. An error marks it with the error's class, never with its message,
        which could quote what somebody said."""
        with self._tracer.start_as_current_span(
            name, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield span
            except BaseException as error:  # cancellation too is how a step can end
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise

    async def close(self, *, timeout_s: float = FLUSH_S) -> None:
        """Send what is left, for at most `timeout_s`; what a dead collector does not take is lost."""
        if self._provider is None:
            return
        done = asyncio.Event()
        loop = asyncio.get_running_loop()
        # Its own daemon thread: one of the loop's executor would be waited for when the loop closes.
        threading.Thread(
            target=_shut_down, args=(self._provider, loop, done), name="traces-flush", daemon=True
        ).start()
        try:
            async with asyncio.timeout(timeout_s):
                await done.wait()
        except TimeoutError:
            return


def current_trace_id() -> str | None:
    """The running trace's id in hexadecimal, for a log line; None outside a recorded trace."""
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else None


def _shut_down(
    provider: "TracerProvider", loop: asyncio.AbstractEventLoop, done: asyncio.Event
) -> None:
    provider.shutdown()
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(done.set)


def _exporting_provider(otlp_endpoint: str, service_name: str) -> "TracerProvider":
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise TracingUnavailable from error
    provider = TracerProvider(
        resource=Resource.create({"service.name": service_name}),
        shutdown_on_exit=False,  # `close` does it, with a deadline
    )
    provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(_traces_address(otlp_endpoint)))
    )
    return provider


def _traces_address(endpoint: str) -> str | None:
    """The full address for the exporter; None lets it read the environment itself."""
    if not endpoint:
        return None
    base = endpoint.rstrip("/")
    return base if base.endswith(_TRACES_PATH) else base + _TRACES_PATH
