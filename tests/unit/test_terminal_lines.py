"""Where lines come from: whole, in order, and never in the way of the process's end."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.terminal.lines import PipedLines, ThreadedLines


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """The reading and the writing end."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def all_lines(content: bytes, **given: int) -> list[str]:
    """What is read from a pipe that holds `content`."""
    reading, writing = os.pipe()
    try:
        os.write(writing, content)
        os.close(writing)
        read = PipedLines(descriptor=reading, **given)
        return list(iter(read, None))
    finally:
        os.close(reading)


@given(st.lists(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]))))
def test_lines_come_whole_and_in_order(lines: list[str]) -> None:
    """Whatever they hold."""
    assert all_lines("".join(f"{line}\n" for line in lines).encode()) == lines


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"no end", ["no end"]),
        (b"dos\r\nunix\n", ["dos", "unix"]),
        (b"\n\nx\n", ["", "", "x"]),
        (b"bad \xff byte\n", ["bad \ufffd byte"]),
    ],
)
def test_odd_input_is_read_too(content: bytes, lines: list[str]) -> None:
    """A missing last line end, other line ends, empty lines, bytes that are no text."""
    assert all_lines(content) == lines


def test_an_endless_line_is_taken_in_pieces() -> None:
    """Memory stays bounded, and nothing is lost."""
    pieces = all_lines(b"x" * 2500 + b"\nnext\n", max_line_bytes=1000)
    assert pieces == ["x" * 1000, "x" * 1000, "x" * 500, "next"]
    assert "".join(all_lines("é漢👍".encode() * 99, max_line_bytes=10)) == "é漢👍" * 99


async def test_a_descriptor_that_does_not_block_is_waited_for(pipe: tuple[int, int]) -> None:
    """Whoever shares the descriptor may have set it so."""
    reading, writing = pipe
    os.set_blocking(reading, False)
    waiting = asyncio.create_task(ThreadedLines(PipedLines(descriptor=reading)).next())
    await asyncio.sleep(0)
    os.write(writing, b"late\n")
    assert await waiting == "late"


async def test_a_cancelled_wait_loses_no_line(pipe: tuple[int, int]) -> None:
    """The line that comes after the cancellation goes to the next who asks."""
    reading, writing = pipe
    lines = ThreadedLines(PipedLines(descriptor=reading))
    waiting = asyncio.create_task(lines.next())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    os.write(writing, b"one\ntwo\n")
    assert [await lines.next(), await lines.next()] == ["one", "two"]


async def test_the_end_is_told_as_often_as_it_is_asked_for() -> None:
    """After the last line there is nothing, for ever; a terminal that broke off has ended."""
    read, given = ThreadedLines(iter(["only", None]).__next__), []
    given.extend([await read.next() for _ in range(3)])
    assert given == ["only", None, None]

    def break_off() -> str | None:
        raise OSError(5, "Input/output error")

    assert await ThreadedLines(break_off).next() is None


def test_a_blocked_reader_does_not_hold_up_the_end_of_the_process() -> None:
    """A process that waits for input which never comes ends as soon as its work does."""
    program = (
        "import asyncio\n"
        "from adapters.terminal.lines import PipedLines, ThreadedLines\n"
        "async def main():\n"
        "    waiting = asyncio.create_task(ThreadedLines(PipedLines(descriptor=0)).next())\n"
        "    await asyncio.sleep(0)\n"
        "    waiting.cancel()\n"
        "asyncio.run(main())\n"
        "print('done')\n"
    )
    command = [sys.executable, "-W", "error", "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.wait(timeout=30) == 0
            assert process.stdout is not None
            assert process.stdout.read() == b"done\n"
        finally:
            process.kill()
