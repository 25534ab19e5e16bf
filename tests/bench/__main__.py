"""`make bench`: measure, and print the tables that docs/benchmarks.md records."""

import argparse
import asyncio
import os
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from bot.telemetry.logs import configure_logs
from bot.vocabulary import SystemClock
from tests.bench import (
    dashboard,
    deltas,
    digest,
    discord,
    dollars,
    memory,
    pickup,
    slack,
    stored,
    turns,
)
from tests.bench.bench import DURABLE, Bench
from tests.bench.figures import Table
from tests.postgres import PostgresMissing, PostgresServer

BENCHMARKS = {
    "pickup": pickup.measure,
    "turns": turns.measure,
    "memory": memory.measure,
    "stored": stored.measure,
    "dollars": dollars.measure,
    "deltas": deltas.measure,
    "slack": slack.measure,
    "discord": discord.measure,
    "digest": digest.measure,
    "dashboard": dashboard.measure,
}
LIBRARIES = ("anthropic", "aiohttp", "slack-sdk", "discord.py", "sqlalchemy", "asyncpg")


def main() -> None:
    """Run the benchmarks that are named, or all."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument(
        "--quick", action="store_true", help="see that they work; figures mean nothing"
    )
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    configure_logs(clock=SystemClock(), level="warning")
    print(machine(), flush=True)
    server = _server()
    try:
        with tempfile.TemporaryDirectory(prefix="parley-bench-") as directory:
            bench = Bench(Path(directory), quick=arguments.quick, server=server)
            for name in arguments.names or BENCHMARKS:
                for table in asyncio.run(_measure(name, bench)):
                    print(table, flush=True)
    finally:
        if server is not None:
            server.destroy()


def machine() -> str:
    """What is measured on, and with what."""
    python = f"Python {platform.python_version()}"
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {python}; {libraries}\n"
    )


async def _measure(name: str, bench: Bench) -> list[Table]:
    return list(await BENCHMARKS[name](bench))


def _server() -> PostgresServer | None:
    try:
        server = PostgresServer(settings=DURABLE)
        server.start()
    except PostgresMissing as missing:
        print(f"SQLite alone is measured: {missing}", file=sys.stderr)
        return None
    return server


if __name__ == "__main__":
    main()
