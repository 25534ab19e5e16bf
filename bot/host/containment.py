"""Keeps what plugin code starts on the side from ending the process.

A task from which `SystemExit` comes stops the event loop, whoever started it. So tasks that are started
while a plugin's code runs get a coat that lets nothing of the kind through.
"""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any

import structlog

from bot.host.errors import LoopBlocked
from bot.host.shield import running

log = structlog.get_logger(__name__)


def contain_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """From now on the loop's tasks that come from plugin code can't end the process."""
    loop.set_task_factory(_factory)


def _factory(
    loop: asyncio.AbstractEventLoop,
    work: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
    **options: Any,
) -> "asyncio.Task[Any]":
    plugin = running.get()
    if plugin is not None and asyncio.iscoroutine(work):
        work = _coated(plugin, work)
    return asyncio.Task(work, loop=loop, **options)


async def _coated(plugin: str, work: Coroutine[Any, Any, Any]) -> Any:
    try:
        return await work
    except (SystemExit, KeyboardInterrupt, LoopBlocked) as error:
        log.error("a task of a plugin was broken off", plugin=plugin, error=repr(error))
        raise RuntimeError(f"{type(error).__name__} in a task of plugin {plugin}") from None
