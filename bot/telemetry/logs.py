"""Structured logs: for people in a terminal, JSON otherwise.

Everything, also what the SDKs log through the standard library, passes one list of processors. No
secret is ever written, and no text of a message above debug level.
"""

import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from bot.telemetry.redaction import HIDDEN, SECRET_KEYS, Redactor
from bot.telemetry.tracing import current_trace_id
from bot.vocabulary import Clock, reference_of

Format = Literal["auto", "human", "json"]
Level = Literal["debug", "info", "warning", "error"]

TEXT_KEYS: Final = ("text", "prompt", "answer", "markdown", "content", "question")
"""What people and the model say goes under one of these names, and is written at debug level only."""

_RENDERED: Final = frozenset({"exception", "stack"})  # these alone may have several lines

_LEAST_LEVELS: Final = {
    "sqlalchemy": logging.WARNING,  # its info lines carry the parameters: people's messages
    "aiosqlite": logging.WARNING,  # the same, at debug level
    "asyncpg": logging.WARNING,
    "httpx2": logging.WARNING,  # a line per request
    "httpcore2": logging.WARNING,
    "anthropic": logging.INFO,  # its debug lines carry whole requests
    "discord": logging.INFO,  # the gateway's whole traffic
    "slack_sdk": logging.INFO,
    "slack_bolt": logging.INFO,
    "mcp": logging.CRITICAL + 1,  # it quotes what servers say; the plugin tells how they stand
    "client": logging.CRITICAL + 1,  # its streamable HTTP client, by another name
    "asyncio": logging.WARNING,
}
"""Libraries that would say too much, however low our own level is."""


class _Handler(logging.StreamHandler[TextIO]):
    """Our handler, told from others on the root logger by its class."""


def configure_logs(
    *,
    clock: Clock,
    format: Format = "auto",  # noqa: A002 - the name of the setting
    level: Level = "info",
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
) -> None:
    """Send all logs to `stream` (stderr unless given); calling it again replaces the former manner.

    `auto` means human in a terminal and JSON otherwise. `secrets` are values that never appear.
    """
    target = stream or sys.stderr
    human = format == "human" or (format == "auto" and target.isatty())
    number = logging.getLevelNamesMapping()[level.upper()]
    shared = _shared_processors(clock)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,  # so that loggers made earlier follow a later call
    )
    handler = _Handler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=_final_processors(
                human, colours=target.isatty(), redactor=Redactor(secrets)
            ),
        )
    )
    _replace_handler(handler, number)


@contextmanager
def turn_context(turn_id: str, thread_key: str) -> Iterator[None]:
    """Every line logged within, in this task and those it starts, names the turn, its thread and the
    reference that the person may have been told."""
    with structlog.contextvars.bound_contextvars(
        turn=turn_id, thread=thread_key, reference=reference_of(turn_id)
    ):
        yield


def _shared_processors(clock: Clock) -> list[Processor]:
    def stamp(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event.setdefault("timestamp", clock.now().isoformat(timespec="milliseconds"))
        return event

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        stamp,
        name_trace,
        withhold_texts,
        hide_secret_keys,
    ]


def _final_processors(human: bool, *, colours: bool, redactor: Redactor) -> list[Processor]:
    def redact(_: WrappedLogger, __: str, line: str) -> str:
        return redactor.redact(line)

    rendering: list[Processor]
    if human:
        plain = structlog.dev.plain_traceback  # a rich one would show local variables
        rendering = [
            structlog.processors.format_exc_info,
            disarm_controls,
            structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=plain),
        ]
    else:
        rendering = [
            structlog.processors.format_exc_info,
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    # Secrets are hidden in the finished line, so that none can slip by inside a value or a traceback.
    return [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering, redact]  # type: ignore[list-item]  # the last one takes the finished line, which structlog's type leaves out


def _replace_handler(handler: logging.Handler, level: int) -> None:
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name, least in _LEAST_LEVELS.items():
        logging.getLogger(name).setLevel(max(level, least))
    logging.captureWarnings(True)


def name_trace(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """A line written inside a recorded trace names it."""
    trace_id = current_trace_id()
    if trace_id:
        event["trace_id"] = trace_id
    return event


def withhold_texts(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Above debug level, what people and the model said gives way to its length."""
    if event.get("level") == "debug":
        return event
    for key in TEXT_KEYS:
        if key in event:
            value = event.pop(key)
            event[f"{key}_chars"] = len(value) if isinstance(value, str) else None
    return event


def hide_secret_keys(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Whatever stands under a name such as `password` is hidden."""
    for key in event:
        if key.lower() in SECRET_KEYS:
            event[key] = HIDDEN
    return event


def disarm_controls(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """No value can forge a line or steer the terminal: control characters are written out."""
    for key, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            kept = "\n" if key in _RENDERED else ""
            event[key] = "".join(
                c if c.isprintable() or c in kept else ascii(c)[1:-1] for c in value
            )
    return event
