"""Plugins looked at one by one, each in a process of its own: what it does there harms nobody."""

import asyncio
import functools
import importlib.util
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from bot.host.apart import Ended, all_apart
from bot.host.cron import trigger_of
from bot.host.loading import Found, Loaded, Loading, load_all
from bot.plugins import PluginError
from config import Settings

AT_ONCE = 4
LOOK_S = 60.0
TYPES_S = 300.0
LONGEST_COMPLAINT = 300


@dataclass(frozen=True, slots=True)
class Inspected:
    """What was found out about one plugin."""

    name: str
    adds: str = ""
    problems: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    folder: str = ""
    on: bool = True


def looked_at(found: Found, settings: Settings) -> Inspected:
    """Load one plugin in this process, and look at what it declares."""
    section = settings.plugins.get(found.name, {})
    loading: Loading = load_all([found], {found.name: section})
    for broken in loading.broken:
        return Inspected(found.name, problems=(broken.why,))
    for loaded in loading.loaded:
        return Inspected(
            found.name,
            adds=adds(loaded),
            problems=tuple(_of_jobs(loaded, settings.operators.zone)),
            commands=tuple(each.name for each in loaded.plugin.commands),
            platforms=tuple(each.name for each in loaded.plugin.adapters),
            folder=str(loaded.folder),
        )
    return Inspected(found.name, on=False)


def inspect_all(found: Sequence[Found], settings: Settings) -> list[Inspected]:
    """Look at each in a process of its own, and at names that several claim. It forks: call it while there
    is one thread."""
    works = [functools.partial(_told, each, settings) for each in found]
    ends = all_apart(works, at_once=AT_ONCE, timeout_s=LOOK_S)
    inspected = [_heard(each.name, end) for each, end in zip(found, ends, strict=True)]
    return [_with_collisions(each, inspected[:index]) for index, each in enumerate(inspected)]


async def type_errors(folder: Path) -> list[str] | None:
    """What mypy finds in a plugin's code, or why it could not look; None if mypy is not installed."""
    if importlib.util.find_spec("mypy") is None:
        return None
    cache = Path(tempfile.gettempdir()) / "parley-mypy-cache"
    options = ("--no-error-summary", "--check-untyped-defs", "--follow-imports=silent")
    command = [sys.executable, "-m", "mypy", *options, "--cache-dir", str(cache), str(folder)]
    out, status = await _run(command, TYPES_S)
    if status == 0:
        return []
    said = [line for line in out.splitlines() if line.strip()]
    return said or [f"mypy ended with status {status}"]


def adds(loaded: Loaded) -> str:
    """What a plugin adds to the bot, in a few words."""
    plugin = loaded.plugin
    counted = (
        ("/" + ", /".join(each.name for each in plugin.commands) if plugin.commands else ""),
        _count(len(plugin.tools), "tool"),
        "tools at run time" if plugin.tool_sources else "",
        _count(len(plugin.filters), "filter"),
        _count(len(plugin.jobs), "job"),
        _count(len(plugin.adapters), "platform"),
    )
    return "; ".join(each for each in counted if each) or "nothing yet"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}" if number else ""


def _of_jobs(loaded: Loaded, zone: ZoneInfo) -> Iterable[str]:
    for job in loaded.plugin.jobs:
        try:
            trigger_of(job.cron, ZoneInfo(job.timezone) if job.timezone else zone)
        except (PluginError, OSError, ValueError) as error:
            yield f"its job {job.name}: {error}"


def _told(found: Found, settings: Settings) -> str:
    """As one process tells another."""
    return TypeAdapter(Inspected).dump_json(looked_at(found, settings)).decode()


def _heard(name: str, end: Ended) -> Inspected:
    if end.answer and end.status == 0:
        try:
            return TypeAdapter(Inspected).validate_json(end.answer)
        except ValidationError:
            return Inspected(name, problems=("loading it writes into files that are not its own",))
    if end.status is None:
        return Inspected(name, problems=(f"loading it takes more than {LOOK_S:g} s",))
    last = end.complaints.strip().splitlines()[-1:] or ["and said nothing"]
    why = f"loading it ended the process with status {end.status}: {last[0][:LONGEST_COMPLAINT]}"
    return Inspected(name, problems=(why,))


async def _run(command: Sequence[str], timeout_s: float) -> tuple[str, int | None]:
    """What a process wrote, and its exit status; None if it had to be ended."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(timeout_s):
            out, _ = await process.communicate()
    except TimeoutError:
        return f"it takes more than {timeout_s:g} s", None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return out.decode("utf-8", "replace"), process.returncode


def _with_collisions(each: Inspected, before: Sequence[Inspected]) -> Inspected:
    problems = [problem for other in before for problem in _collisions(each, other)]
    return replace(each, problems=(*each.problems, *problems))


def _collisions(one: Inspected, other: Inspected) -> Iterable[str]:
    if one.name == other.name:
        yield "there are two plugins of that name"
        return
    for command in sorted({*one.commands} & {*other.commands}):
        yield f"its command /{command} is plugin {other.name}'s; disable one of the two"
    for platform in sorted({*one.platforms} & {*other.platforms}):
        yield f"its platform {platform} is plugin {other.name}'s; disable one of the two"
