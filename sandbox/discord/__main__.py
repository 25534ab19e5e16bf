"""`python -m sandbox.discord`: the simulated Discord as a process of its own.

Prints its address on one line, then serves until SIGTERM or SIGINT.
"""

import argparse
import asyncio

from sandbox.discord.server import SimulatedDiscord
from sandbox.serving import serve_until_stopped


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.discord", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--instant", action="store_true", help="without limits, for tests")
    chosen = parser.parse_args()
    port: int = chosen.port
    discord = (
        SimulatedDiscord(port=port) if chosen.instant else SimulatedDiscord.for_people(port=port)
    )
    asyncio.run(serve_until_stopped(discord))


if __name__ == "__main__":
    main()
