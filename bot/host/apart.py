"""Work done apart: in a process forked from this one, which may end, hang or print what it likes.

What is imported here need not be imported there again. Only a process with one thread may do it, such as a
command's: of several, one alone would go on there.
"""

import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from typing import IO, Final

LOOK_S: Final = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What became of it."""

    answer: str
    """What the work returned; empty if it did not."""
    complaints: str
    """What was written to stderr."""
    status: int | None
    """The exit status, negative for a signal; None if it took too long."""


def all_apart(works: Sequence[Callable[[], str]], *, at_once: int, timeout_s: float) -> list[Ended]:
    """Do each in a process of its own, so many at once; each may take so long."""
    ended: list[Ended] = []
    for first in range(0, len(works), at_once):
        with ExitStack() as running:
            some: list[_Apart] = []
            for work in works[first : first + at_once]:
                others = [file for each in some for file in each.files]
                some.append(running.enter_context(closing(_Apart(work, others=others))))
            give_up_at = time.monotonic() + timeout_s
            ended += [each.end(give_up_at) for each in some]
    return ended


class _Apart:
    """One such process."""

    def __init__(self, work: Callable[[], str], *, others: Sequence[IO[bytes]]) -> None:
        self._others = others
        self._answer = tempfile.TemporaryFile()  # noqa: SIM115 - `close` does
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115
        self.files = (self._answer, self._complaints)
        self._process = multiprocessing.get_context("fork").Process(target=self._act, args=(work,))
        self._process.start()

    def _act(self, work: Callable[[], str]) -> None:
        """In that process: what is printed there is nobody's answer, and nobody else's can be reached."""
        os.setsid()
        for file in self._others:
            file.close()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor, stream in enumerate((nowhere, nowhere, self._complaints.fileno())):
            os.dup2(stream, descriptor)
        self._answer.write(work().encode())
        self._answer.flush()

    def end(self, give_up_at: float) -> Ended:
        """Wait for its end, but no longer than until then."""
        # Joining would also wait for whatever it started and left.
        while self._process.exitcode is None and time.monotonic() < give_up_at:
            time.sleep(LOOK_S)
        return Ended(
            answer=_content(self._answer),
            complaints=_content(self._complaints),
            status=self._process.exitcode,
        )

    def close(self) -> None:
        """End it, if it has not, and what it started."""
        assert self._process.pid is not None, "it was started"
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.join()
        for file in self.files:
            file.close()


def _content(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")
