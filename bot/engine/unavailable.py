"""What a database that is away means to adapters."""

from collections.abc import Iterator
from contextlib import contextmanager

from bot.ports import IntakeUnavailable
from storage.errors import StorageUnavailable


@contextmanager
def told_to_adapters() -> Iterator[None]:
    """Within, `StorageUnavailable` becomes the ports' own `IntakeUnavailable`."""
    try:
        yield
    except StorageUnavailable as error:
        raise IntakeUnavailable(str(error)) from error
