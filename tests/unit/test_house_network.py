"""The guard that keeps tests off the network."""

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.network_guard import NetworkForbidden, NetworkGuard

SWALLOWS_THE_REFUSAL = """
import contextlib, socket

def test_that_swallows():
    with contextlib.suppress(Exception):
        socket.create_connection(("192.0.2.1", 443), timeout=1)
"""


@pytest.mark.parametrize(
    ("family", "address"),
    [
        (socket.AF_INET, ("192.0.2.1", 443)),
        (socket.AF_INET, ("10.0.0.1", 80)),
        (socket.AF_INET6, ("2001:db8::1", 443)),
        (socket.AF_INET6, ("::ffff:192.0.2.1", 443)),
    ],
)
def test_connecting_beyond_loopback_is_refused(
    network_guard: NetworkGuard, family: socket.AddressFamily, address: tuple[str, int]
) -> None:
    """A stream to another machine is never opened, over either internet protocol."""
    with socket.socket(family) as stream, pytest.raises(NetworkForbidden, match=address[0]):
        stream.connect(address)
    assert network_guard.attempts.pop()


def test_sending_a_datagram_beyond_loopback_is_refused(network_guard: NetworkGuard) -> None:
    """Nor does a datagram leave, connected or not."""
    with socket.socket(type=socket.SOCK_DGRAM) as datagrams, pytest.raises(NetworkForbidden):
        datagrams.sendto(b"hello", ("192.0.2.1", 53))
    assert network_guard.attempts.pop()


@pytest.mark.parametrize("host", ["example.com", b"example.com", "127.evil.example"])
async def test_looking_up_a_name_is_refused(network_guard: NetworkGuard, host: str | bytes) -> None:
    """A name server is not asked either, though the event loop asks from a thread of its own."""
    with pytest.raises(NetworkForbidden):
        await asyncio.get_running_loop().getaddrinfo(host, 443)
    assert network_guard.attempts.pop()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.8.8.8"])
def test_loopback_is_free(host: str) -> None:
    """Simulated services are reached by name and by address."""
    with socket.create_server((host, 0)) as server:
        socket.create_connection((host, server.getsockname()[1])).close()


def test_loopback_is_free_over_ipv6() -> None:
    """The other loopback address is reached as well, where the machine has it."""
    try:
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with server:
        socket.create_connection(server.getsockname()[:2]).close()


def test_unix_sockets_are_free(tmp_path: Path) -> None:
    """A socket in the file system is no network, whatever its name."""
    path = str(tmp_path / "example.com")
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(path)
        server.listen()
        client.connect(path)


def test_a_program_started_by_a_test_is_guarded_too() -> None:
    """What a test starts inherits the guard."""
    program = "import socket; socket.create_connection(('192.0.2.1', 443), timeout=1)"
    started = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert started.returncode != 0
    assert "NetworkForbidden" in started.stderr


def test_an_attempt_fails_the_test_even_if_it_was_swallowed(tmp_path: Path) -> None:
    """Code that hides the refusal behind a broad except does not get past."""
    suite = tmp_path / "test_swallows.py"
    suite.write_text(SWALLOWS_THE_REFUSAL)
    plugins = ["-p", "tests.conftest", "-p", "no:asyncio", "-p", "no:hypothesispytest"]
    command = [sys.executable, "-m", "pytest", "-q", *plugins, str(suite)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert ran.returncode == 1
    assert "tried to reach the network: socket.getaddrinfo to '192.0.2.1'" in ran.stdout
