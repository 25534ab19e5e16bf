"""No test reaches the network: an attempt is refused on the spot and fails the test.

An audit hook sees every socket of the interpreter, whoever opened it and from whichever thread or event
loop. Programs that a test starts are guarded too, through `tests/guarded/sitecustomize.py`.
"""

import functools
import sys

_LOOPBACK_NAMES = frozenset({"", "localhost", "ip6-localhost", "::1"})

# Where each audited call carries its destination: https://docs.python.org/3/library/audit_events.html
_SOCKET_ADDRESS_AT = {
    "socket.connect": 1,
    "socket.sendto": 1,
    "socket.sendmsg": 1,
    "socket.getnameinfo": 0,
}
_HOST_AT = {
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
    "socket.gethostbyaddr": 0,
}


class NetworkForbidden(Exception):
    """Tests talk to loopback only."""


class NetworkGuard:
    """Refuses every connection and look-up beyond loopback, and remembers what was tried."""

    def __init__(self) -> None:
        self.attempts: list[str] = []
        """Calls refused so far, such as `socket.connect to 192.0.2.1`."""

    def audit(self, event: str, args: tuple[object, ...]) -> None:
        """The audit hook. Raises `NetworkForbidden`."""
        if event in _SOCKET_ADDRESS_AT:
            host = _host_of_address(args[_SOCKET_ADDRESS_AT[event]])
        elif event in _HOST_AT:
            host = args[_HOST_AT[event]]
        else:
            return
        if host is None or _is_loopback(host):
            return
        attempt = f"{event} to {host!r}"
        self.attempts.append(attempt)
        raise NetworkForbidden(
            f"{attempt}: tests may talk to loopback only; use a simulated service"
        )


@functools.cache
def guard_this_process() -> NetworkGuard:
    """The guard of this interpreter: on duty from the first call to its end, since an audit hook can't
    be taken out again."""
    guard = NetworkGuard()
    sys.addaudithook(guard.audit)
    return guard


def _host_of_address(address: object) -> object:
    """The host of an internet address; None for a UNIX socket's path and other families."""
    if isinstance(address, tuple) and address and isinstance(address[0], str | bytes):
        return address[0]
    return None


def _is_loopback(host: object) -> bool:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    bare = name.lower().partition("%")[0].removeprefix("::ffff:")
    is_ipv4 = bare.replace(".", "").isdigit()
    return bare in _LOOPBACK_NAMES or (is_ipv4 and bare.startswith("127."))
