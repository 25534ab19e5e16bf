"""Logs: readable or JSON, carrying the turn, never a secret, never what people said."""

import io
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
import structlog

from bot.telemetry.logs import Format, Level, configure_logs, turn_context
from bot.telemetry.redaction import Redactor
from bot.vocabulary import ManualClock, reference_of

Lines = Callable[[], list[dict[str, Any]]]
TURN_ID = "1m840yrjyhfzn737"


def json_logs(level: Level = "info", secrets: tuple[str, ...] = ()) -> Lines:
    stream = io.StringIO()
    configure_logs(
        clock=ManualClock(),
        format="json",
        level=level,
        secrets=secrets,
        stream=stream,
    )
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def human_logs() -> io.StringIO:
    stream = io.StringIO()
    configure_logs(clock=ManualClock(), format="human", stream=stream)
    return stream


def test_a_line_is_one_json_object_with_time_level_and_logger() -> None:
    """Outside a terminal, every line is an object that a collector can read."""
    lines = json_logs()
    structlog.get_logger("bot.engine").info("turn finished", outcome="answered")
    assert lines() == [
        {
            "message": "turn finished",
            "outcome": "answered",
            "level": "info",
            "logger": "bot.engine",
            "timestamp": "2026-11-23T09:00:00.000+00:00",
        }
    ]


def test_auto_means_json_when_nobody_watches() -> None:
    """A stream that is no terminal gets JSON by default."""
    stream = io.StringIO()
    configure_logs(clock=ManualClock(), stream=stream)
    structlog.get_logger().info("hello")
    assert json.loads(stream.getvalue())["message"] == "hello"


def test_auto_means_human_in_a_terminal() -> None:
    """A terminal gets lines for people."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    configure_logs(clock=ManualClock(), stream=stream)
    structlog.get_logger().info("hello")
    assert "hello" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


@pytest.mark.parametrize("logger_name", ["bot.engine", "discord.gateway"])
def test_lines_within_a_turn_name_it(logger_name: str) -> None:
    """Our lines and an SDK's carry the turn, the thread and the reference that people are told."""
    lines = json_logs()
    with turn_context(TURN_ID, "slack:T:C:1"):
        structlog.get_logger("bot.engine").info("ours")
        logging.getLogger(logger_name).warning("theirs")
    structlog.get_logger("bot.engine").info("outside")
    ours, theirs, outside = lines()
    for line in (ours, theirs):
        assert (line["turn"], line["thread"]) == (TURN_ID, "slack:T:C:1")
        assert line["reference"] == reference_of(TURN_ID)
    assert "turn" not in outside


@pytest.mark.parametrize("key", ["text", "prompt", "answer"])
def test_what_people_said_is_written_at_debug_level_only(key: str) -> None:
    """At info level a message leaves its length alone; at debug level it may be read."""
    lines = json_logs(level="debug")
    log = structlog.get_logger()
    log.info("received", **{key: "my diary"})
    log.debug("received", **{key: "my diary"})
    info, debug = lines()
    assert "my diary" not in json.dumps(info)
    assert info[f"{key}_chars"] == len("my diary")
    assert debug[key] == "my diary"


def test_the_level_is_kept() -> None:
    """Lines below the level are not written."""
    lines = json_logs(level="warning")
    structlog.get_logger().info("too low")
    logging.getLogger("anything").info("too low")
    structlog.get_logger().warning("high enough")
    assert [line["message"] for line in lines()] == ["high enough"]


def test_libraries_do_not_log_messages_even_when_we_debug() -> None:
    """The database library's lines, which hold people's texts, are never written."""
    lines = json_logs(level="debug")
    logging.getLogger("sqlalchemy.engine.Engine").info("[('my diary',)]")
    logging.getLogger("anthropic._base_client").debug("Request options: my diary")
    assert lines() == []


@pytest.mark.parametrize("manner", ["json", "human"])
def test_known_secrets_never_appear(manner: Format) -> None:
    """Wherever a known secret hides - a value, a nested one, a traceback, an SDK's line - it is hidden."""
    secret = 'pa"ss\\wörd-1'
    stream = io.StringIO()
    configure_logs(
        clock=ManualClock(),
        format=manner,
        secrets=[secret, "", "a"],
        stream=stream,
    )
    log = structlog.get_logger()
    log.info("start", dsn=f"x{secret}y", nested={"deep": [secret]})
    logging.getLogger("slack_sdk").warning("refused %s", secret)
    try:
        raise RuntimeError(f"the server said {secret}")
    except RuntimeError:
        log.exception("failed")
    written = stream.getvalue()
    assert "failed" in written
    for form in (secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
        assert form not in written
    assert written.count("[hidden]") >= 4


@pytest.mark.parametrize(
    "token",
    [
        "sk-ant-api03-AbC_dEf-123456",
        "xoxb-1234567890-abcdefGHIJ",
        "xoxe.xoxp-1-Mi0yLTEyMzQ1",
        "xapp-1-A012-345-deadbeef",
        "MTE2OTk4NzY1NDMyMTA5ODc2NQ.GaBcDe.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ],
)
def test_anything_shaped_like_a_token_is_hidden(token: str) -> None:
    """A token that nobody told us about is known by its shape."""
    said = Redactor().redact(f"sent {token!r} to the server")
    assert token not in said
    assert said == "sent '[hidden]' to the server"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer [hidden]"),
        ("postgresql://me:hunter2@db/parley", "postgresql://[hidden]@db/parley"),
        ("sqlite:///data/parley.db", "sqlite:///data/parley.db"),
        ("http://127.0.0.1:8080/slack/events", "http://127.0.0.1:8080/slack/events"),
        ("turn 1m840yrjyhfzn737 of slack:T01:C02:1700000000.000100", None),
    ],
)
def test_what_is_no_secret_stays_readable(line: str, shown: str | None) -> None:
    """Only the secret part of a line is hidden."""
    assert Redactor().redact(line) == (shown or line)


def test_a_value_under_a_secret_name_is_hidden() -> None:
    """What is called a token is not shown, whatever it looks like."""
    lines = json_logs()
    structlog.get_logger().info("login", token="abc", password="x", tokens=12)
    (line,) = lines()
    assert (line["token"], line["password"], line["tokens"]) == ("[hidden]", "[hidden]", 12)


def test_no_value_can_forge_a_line_or_steer_the_terminal() -> None:
    """A display name with line breaks and escapes stays within its line."""
    stream = human_logs()
    structlog.get_logger().info("joined", name="eve\n2026-11-23 [info] all is well \x1b[2J")
    assert len(stream.getvalue().splitlines()) == 1
    assert "\x1b" not in stream.getvalue()


def test_a_traceback_keeps_its_lines_but_no_escapes() -> None:
    """People can read an error's traceback; what it quotes can't steer their terminal."""
    stream = human_logs()
    try:
        raise ValueError("\x1b[2J")
    except ValueError:
        structlog.get_logger().exception("failed")
    assert len(stream.getvalue().splitlines()) >= 4
    assert "\x1b" not in stream.getvalue()


def test_configuring_again_replaces_the_former_manner() -> None:
    """No line is written twice after a second call."""
    first, second = json_logs(), json_logs()
    structlog.get_logger().info("once")
    logging.getLogger("library").warning("once")
    assert first() == []
    assert len(second()) == 2
