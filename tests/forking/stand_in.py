"""Stands for a process that a fork server makes: whoever can only start programs gets it by starting this.

`python -IS stand_in.py ADDRESS ARGUMENTS...` has the process made with its own directory, environment and
standard streams. It hands on SIGTERM and SIGINT, ends with the process's status, and if it is killed, so is
the process. It imports little and takes a few hundredths of a second.
"""

import json
import os
import signal
import socket
import sys


def command(address: str) -> tuple[str, ...]:
    """What it is started by, without arguments; the fork server is at the address."""
    return (sys.executable, "-IS", __file__, address)


def main(address: str, *arguments: str) -> int:
    """Have it made, and wait for its end."""
    here = os.getcwd()  # noqa: PTH109 - pathlib would take half the time
    order = {"arguments": arguments, "directory": here, "environ": dict(os.environ)}
    line = json.dumps(order).encode() + b"\n"
    with socket.socket(socket.AF_UNIX) as connection, connection.makefile("rb") as told:
        connection.connect(address)
        sent = socket.send_fds(connection, [line], [0, 1, 2])
        connection.sendall(line[sent:])
        pid = int(told.readline())
        for which in (signal.SIGTERM, signal.SIGINT):
            signal.signal(which, lambda number, _: _hand_on(pid, number))
        return int(told.readline())


def _hand_on(pid: int, number: int) -> None:
    try:  # noqa: SIM105 - contextlib would take a third of the time
        os.kill(pid, number)
    except ProcessLookupError:
        pass  # it has just ended, and its status is under way


if __name__ == "__main__":
    status = main(*sys.argv[1:])
    os._exit(status if status >= 0 else 128 - status)
