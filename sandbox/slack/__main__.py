"""`python -m sandbox.slack`: the simulated Slack as a process of its own.

Prints its address on one line, then serves until SIGTERM or SIGINT.
"""

import argparse
import asyncio

from sandbox.serving import serve_until_stopped
from sandbox.slack.server import SimulatedSlack


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.slack", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument(
        "--instant", action="store_true", help="without rate limits and long pauses, for tests"
    )
    chosen = parser.parse_args()
    make = SimulatedSlack if chosen.instant else SimulatedSlack.for_people
    asyncio.run(serve_until_stopped(make(port=chosen.port)))


if __name__ == "__main__":
    main()
