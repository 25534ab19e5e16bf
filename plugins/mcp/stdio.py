"""A server that is a process of ours: JSON lines over its standard streams, within limits.

The library's own transport takes lines of any length and copies them with every piece that comes, so one
server could use up the memory and the time of the whole bot.

Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#stdio
"""

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import mcp_types
from mcp.client.stdio import get_default_environment
from mcp.shared.message import SessionMessage

MAX_MESSAGE_BYTES = 8_000_000
MAX_COMPLAINT_BYTES = 2_000
GRACE_S = 0.3
"""How long it may take to end after its input has, and after SIGTERM."""

Streams = tuple[Any, Any]


@asynccontextmanager
async def process_streams(
    command: str,
    args: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: str | None,
    on_complaint: Callable[[str], None],
) -> AsyncIterator[Streams]:
    """Run the server while entered; what it is given and says, as the library takes it.

    It finds in its environment what every program needs, such as PATH, and `env`: none of the bot's own
    secrets. `on_complaint` gets the lines of its standard error. Raises `OSError` if it can't be run.
    """
    process = await asyncio.create_subprocess_exec(
        command,
        *args,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        env={**get_default_environment(), **env},
        cwd=cwd,
        start_new_session=True,
        limit=MAX_MESSAGE_BYTES,
    )
    said, hear = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    say, to_say = anyio.create_memory_object_stream[SessionMessage](0)
    with said, hear, say, to_say:  # they are closed even if the wait for the process is broken off
        tasks = [
            asyncio.create_task(_read(process, said)),
            asyncio.create_task(_write(process, to_say)),
            asyncio.create_task(_complaints(process, on_complaint)),
        ]
        try:
            yield hear, say
        finally:
            with anyio.CancelScope(shield=True):
                await _end(process)
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)


async def _read(process: Process, said: Any) -> None:
    """What it says, until it ends or says too much at once: then the stream is closed."""
    assert process.stdout is not None, "it was started with a pipe"
    with contextlib.suppress(ValueError, anyio.BrokenResourceError, anyio.ClosedResourceError):
        async with said:
            while line := await process.stdout.readline():
                await said.send(_message(line))


async def _write(process: Process, to_say: Any) -> None:
    assert process.stdin is not None, "it was started with a pipe"
    with contextlib.suppress(OSError, anyio.ClosedResourceError):
        async for message in to_say:
            line = message.message.model_dump_json(by_alias=True, exclude_unset=True)
            process.stdin.write(line.encode() + b"\n")
            await process.stdin.drain()


async def _complaints(process: Process, on_complaint: Callable[[str], None]) -> None:
    assert process.stderr is not None, "it was started with a pipe"
    while piece := await process.stderr.read(MAX_COMPLAINT_BYTES):
        on_complaint(piece.decode("utf-8", "replace").strip())


def _message(line: bytes) -> SessionMessage | Exception:
    try:
        parsed = mcp_types.jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValueError:
        return ValueError("a line that is no message")  # without the line: it may hold anything
    return SessionMessage(parsed)


async def _end(process: Process) -> None:
    """End it and everything it has started: first by the end of its input, then by signals."""
    if process.stdin is not None:
        process.stdin.close()
    for which in (None, signal.SIGTERM, signal.SIGKILL):
        if which is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, which)
        if await _ended(process):
            break
    transport = getattr(process, "_transport", None)
    if transport is not None:  # a grandchild may hold the pipes open
        transport.close()


async def _ended(process: Process) -> bool:
    """Whether it has ended, or does so soon. Not by `wait`, which waits for its pipes as well."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GRACE_S):
            while process.returncode is None:  # noqa: ASYNC110 - there is no event for this alone
                await asyncio.sleep(GRACE_S / 30)
    return process.returncode is not None
