"""Memory: what an idle thread costs, and what 300 running answers do."""

import asyncio
import gc
import re
from collections.abc import Sequence
from pathlib import Path

from tests.bench.answers import ANSWER_WORDS, words
from tests.bench.bench import Bench
from tests.bench.figures import Table, significant
from tests.bench.house import house
from tests.simulators import WarmClaude


def resident_kib() -> int:
    """The process's resident memory in KiB, once the garbage is gone (Linux)."""
    gc.collect()
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None, "Linux tells the resident memory"
    return int(found[1])


async def measure(bench: Bench) -> Sequence[Table]:
    """Before and after many threads have spoken once, and while many are answered."""
    threads, running = bench.of((2000, 300), (6, 3))
    async with WarmClaude() as claude:
        await claude.reply_always(words(ANSWER_WORDS))
        with bench.database("SQLite") as url:
            async with house(
                database_url=url, claude_url=claude.base_url, directory=bench.directory
            ) as place:
                await place.converse(running, conversations=running, turns_a_thread=1)
                before = resident_kib()
                await place.converse(threads, conversations=min(threads, 50), turns_a_thread=1)
                after = resident_kib()
                await claude.hold(after_chunks=1)
                asking = asyncio.create_task(place.converse(running, conversations=running))
                await claude.wait_for(held=running)
                streaming = resident_kib()
                await claude.release()
                await asking
    return [
        Table(
            title="Memory",
            note="Resident memory of the whole process, on SQLite.",
            columns=("what", "KiB"),
            rows=[
                [f"the process after {running} answers at once", significant(before)],
                [f"each of {threads:,} idle threads more", significant((after - before) / threads)],
                [
                    f"each of {running} answers being written",
                    significant((streaming - after) / running),
                ],
            ],
        )
    ]
