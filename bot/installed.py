"""What is installed beside the bot, found by entry points, so that nothing here names it."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import Protocol, Self

ADAPTERS_GROUP = "parley.adapters"
SIMULATORS_GROUP = "parley.simulators"
PLAYGROUND_GROUP = "parley.playground"


class Simulator(Protocol):
    """A simulated service on loopback; it runs while its context is entered."""

    @property
    def base_url(self) -> str:
        """Where it answers."""

    @classmethod
    def for_people(cls, *, port: int = 0) -> Self:
        """One that behaves as a person would like it; port 0 is any free one."""

    async def __aenter__(self) -> Self:
        """Start it."""

    async def __aexit__(self, *error: object) -> None:
        """Stop it."""


class Playground(Protocol):
    """The sandbox with its page (see `sandbox.page`); it runs while its context is entered."""

    @property
    def page_url(self) -> str:
        """The page."""

    async def bot_started(self) -> None:
        """Wait until the bot on the page serves. Raises RuntimeError, which says why it does not."""

    @property
    def claude_environ(self) -> Mapping[str, str]:
        """What another service is told that should ask the same simulated Claude."""

    async def __aenter__(self) -> Self:
        """Start everything."""

    async def __aexit__(self, *error: object) -> None:
        """Stop everything."""


@cache
def offered(group: str) -> EntryPoints:
    """What the installed packages offer in a group; none of it is imported yet. They are looked through
    once, for that takes long, and what is installed does not change under a process."""
    return entry_points(group=group)


def playground_class() -> Callable[..., Playground]:
    """What makes the sandbox with its page. Raises ValueError if it is not installed."""
    (entry,) = offered(PLAYGROUND_GROUP)
    loaded: Callable[..., Playground] = entry.load()
    return loaded


def adapter_classes() -> dict[str, EntryPoint]:
    """The installed adapters by the platform's name; none of them is imported yet."""
    return {entry.name: entry for entry in offered(ADAPTERS_GROUP)}


def simulator(name: str) -> type[Simulator]:
    """The class of a simulated service. Raises KeyError if none of that name is installed."""
    installed = {entry.name: entry for entry in offered(SIMULATORS_GROUP)}
    loaded: type[Simulator] = installed[name].load()
    return loaded
