"""Work done apart: in a process forked from this one, which may end, hang or print what it likes.

What is imported here need not be imported there again. Only a process with one thread may do it, such as a
command's: of several, one alone would go on there.
"""

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import IO


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
    """Do each in a process of its own, so many at once."""
    ended: list[Ended] = []
    for first in range(0, len(works), at_once):
        with ExitStack() as running:
            some: list[_Apart] = []
            for work in works[first : first + at_once]:
                others = [file for each in some for file in each.files]
                some.append(running.enter_context(closing(_Apart(work, others=others))))
            ended += [each.end(timeout_s) for each in some]
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
        for file in self._others:
            file.close()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor, stream in enumerate((nowhere, nowhere, self._complaints.fileno())):
            os.dup2(stream, descriptor)
        self._answer.write(work().encode())
        self._answer.flush()

    def end(self, timeout_s: float) -> Ended:
        """Wait for its end."""
        self._process.join(timeout_s)
        return Ended(
            answer=_content(self._answer),
            complaints=_content(self._complaints),
            status=self._process.exitcode,
        )

    def close(self) -> None:
        """End it, if it has not."""
        self._process.kill()
        self._process.join()
        for file in self.files:
            file.close()


def _content(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")
