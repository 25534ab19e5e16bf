"""The programs whose processes tests have forked, and what these import beforehand."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

COMMAND_LINE: Final = "bot.cli"
MCP_SERVER: Final = "tests.mcp_server"
SIMULATORS: Final = "tests.simulators"
WORKER: Final = "tests.forking.worker"
PRELOADED = (
    "adapters.discord",
    "adapters.slack",
    "adapters.terminal",
    "alembic.command",
    "alembic.config",
    "anthropic.resources.messages",
    "anyio.streams.tls",
    "bot.app",
    "bot.claude.exchange",
    "bot.claude.transport",
    "bot.cli.batch",
    "bot.cli.chat",
    "bot.cli.report",
    "bot.cli.run",
    "bot.cli.sandbox",
    "bot.cli.sandbox_bot",
    "bot.cli.talking",
    "encodings.utf_8_sig",
    "httpcore2",
    "httpcore2._async.http_proxy",
    "importlib.readers",
    "plugins.catchup",
    "plugins.core",
    "plugins.extract",
    "plugins.guard",
    "plugins.mcp",
    "plugins.mcp.offers",
    "plugins.money",
    "plugins.remind",
    "pwd",
    "rich._emoji_codes",
    "rich.markdown",
    "sandbox.claude",
    "sandbox.page",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.dialects.sqlite",
    "storage.migrations",
    "storage.migrations.alembic_bridge",
    "storage.postgres",
    "truststore",
)
"""What processes of the command line import, sooner or later."""

PROGRAMS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        COMMAND_LINE: PRELOADED,
        MCP_SERVER: ("mcp.server.stdio", "uvicorn"),
        SIMULATORS: (),
        WORKER: (
            *PRELOADED,
            "bot.doctor",
            "hypothesis.strategies",
            "matplotlib.figure",
            "opentelemetry.exporter.otlp.proto.http.trace_exporter",
            "playwright.async_api",
            "properdocs.config",
            "sandbox.discord",
            "sandbox.slack",
            "xdist.remote",
        ),
    }
)
"""Modules whose `main` is a program, and what it imports beside them."""
