"""`python -m sandbox.claude`: the simulated Claude API as a process of its own.

Prints its address on one line, then serves until SIGTERM or SIGINT.
"""

import argparse
import asyncio
import signal

from sandbox.claude.pace import Pace
from sandbox.claude.server import SimulatedClaude


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.claude", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--instant", action="store_true", help="answer at once, for tests")
    parser.add_argument("--first-token-s", type=float, default=Pace.pleasant().first_token_s)
    parser.add_argument("--tokens-per-s", type=float, default=Pace.pleasant().tokens_per_s)
    parser.add_argument("--tokens-per-chunk", type=int, default=Pace.pleasant().tokens_per_chunk)
    chosen = parser.parse_args()
    pace = Pace(
        first_token_s=chosen.first_token_s,
        tokens_per_s=chosen.tokens_per_s,
        tokens_per_chunk=chosen.tokens_per_chunk,
    )
    asyncio.run(_serve(chosen.port, Pace.instant() if chosen.instant else pace))


async def _serve(port: int, pace: Pace) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with SimulatedClaude(port=port, pace=pace) as claude:
        print(claude.base_url, flush=True)
        await stopped.wait()


if __name__ == "__main__":
    main()
