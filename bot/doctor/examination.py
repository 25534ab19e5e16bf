"""Running many checks at once, none of which can hold up or spoil the others."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bot.vocabulary import Finding, Verdict

DEADLINE_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Check:
    """Something to look at. It returns one finding or several, within its deadline."""

    name: str
    ask: Callable[[], Awaitable[Sequence[Finding]]]
    deadline_s: float = DEADLINE_S


async def examine(checks: Sequence[Check]) -> list[Finding]:
    """Run all checks at once; their findings come in the checks' order. Never raises: a check that
    hangs or breaks is a finding itself."""
    found = await asyncio.gather(*(_examine(check) for check in checks))
    return [finding for findings in found for finding in findings]


async def _examine(check: Check) -> Sequence[Finding]:
    task = asyncio.ensure_future(check.ask())
    # Not `wait_for`: it would wait for a check that swallows its cancellation.
    await asyncio.wait({task}, timeout=check.deadline_s)
    if not task.done():
        task.cancel()
        return [_hung(check)]
    if task.cancelled():
        return [_hung(check)]
    error = task.exception()
    return task.result() if error is None else [_broke(check, error)]


def _hung(check: Check) -> Finding:
    return Finding(
        check=check.name,
        verdict=Verdict.FAILURE,
        said=f"no result within {check.deadline_s:g} s",
        remedy="See whether what it asks answers slowly or not at all, then try again.",
    )


def _broke(check: Check, error: BaseException) -> Finding:
    return Finding(
        check=check.name,
        verdict=Verdict.FAILURE,
        said=f"the check itself failed ({type(error).__name__})",
        remedy="This is a defect of Parley; please report it.",
    )
