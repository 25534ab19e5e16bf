"""A process that runs tests, forked from one that has imported what tests need.

Each worker of pytest-xdist would import the same two thousand modules, and on a fresh clone compile them.
"""

import sys


def main() -> None:
    """What `python -u -c CODE` does: pytest-xdist's library starts its workers so."""
    *_, code = sys.argv
    exec(code, {"__name__": "__main__"})  # noqa: S102 - it is what Python's command line does
