"""`python -m sandbox.claude`: the simulated Claude API as a process of its own.

Prints its address on one line, then serves until SIGTERM or SIGINT.
"""

import argparse
import asyncio

from sandbox.claude.pace import Pace
from sandbox.claude.server import SimulatedClaude
from sandbox.serving import serve_until_stopped


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
    pace = Pace.instant() if chosen.instant else pace
    asyncio.run(serve_until_stopped(SimulatedClaude(port=chosen.port, pace=pace)))


if __name__ == "__main__":
    main()
