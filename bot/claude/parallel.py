"""Many prompts at once: results in order, errors one by one."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from bot.claude.events import Completion

Progress = Callable[[int, int], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one prompt: an answer or an error, never both."""

    completion: Completion | None = None
    error: Exception | None = None

    @property
    def ok(self) -> bool:
        """There is an answer."""
        return self.error is None

    @property
    def text(self) -> str:
        """The answer's text. Raises the error if there is none."""
        return self.unwrap().text

    def unwrap(self) -> Completion:
        """The answer. Raises the error if there is none."""
        if self.completion is None:
            raise self.error or ValueError("a result without an outcome")
        return self.completion


async def in_parallel(
    ask: Callable[[T], Awaitable[Completion]],
    prompts: Sequence[T],
    *,
    at_once: int,
    on_progress: Progress | None = None,
) -> list[Result]:
    """Ask all, `at_once` at a time. Cancelling this cancels them all."""
    results = [Result()] * len(prompts)
    done = 0

    async def work(waiting: Iterator[tuple[int, T]]) -> None:
        nonlocal done
        for index, prompt in waiting:
            results[index] = await _outcome(ask, prompt)
            done += 1
            if on_progress is not None:
                on_progress(done, len(prompts))

    waiting = iter(enumerate(prompts))
    async with asyncio.TaskGroup() as workers:
        for _ in range(min(at_once, len(prompts))):
            workers.create_task(work(waiting))
    return results


async def _outcome(ask: Callable[[T], Awaitable[Completion]], prompt: T) -> Result:
    try:
        return Result(completion=await ask(prompt))
    except Exception as error:  # one item's failure, a used-up budget included, is its own
        return Result(error=error)
