"""The processes that tests fork from others."""

import os
import socket

from tests.forking.address import fork_server
from tests.forking.order import Order
from tests.forking.programs import SIMULATORS

PATIENCE_S = 60.0


def connected() -> socket.socket:
    """To the server of a small program."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE_S)
    connection.connect(str(fork_server(SIMULATORS)))
    return connection


def order(*arguments: str) -> bytes:
    """As it is sent."""
    streams = [os.devnull] * 3
    return Order(arguments=arguments, directory="/", environ={}, streams=streams).to_line()


def test_who_orders_a_process_learns_how_it_ended() -> None:
    """First its number, then its status."""
    with connected() as connection, connection.makefile() as told:
        connection.sendall(order("claude", "--help"))
        pid, status = int(told.readline()), int(told.readline())
        assert pid not in (0, os.getpid())
        assert status == 0


def test_who_is_killed_in_the_middle_of_an_order_holds_up_nobody() -> None:
    """The next one is served."""
    with connected() as killed:
        killed.sendall(order("claude", "--help")[:-1])
    with connected() as connection, connection.makefile() as told:
        connection.sendall(order("claude", "--no-such-option"))
        assert int(told.readline())
        assert int(told.readline()) == 2
