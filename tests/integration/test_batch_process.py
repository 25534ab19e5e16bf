"""`parley batch` as a process that is killed: it goes on where it was, and pays for nothing twice."""

import json
import signal
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sandbox.claude import Asked, BillStatus, Pace, Reply, SimulatedClaude
from tests.support import wait_until
from tests.warm_parley import warm_parley

COUNT = 8
ITEMS = [f"item {number}" for number in range(COUNT)]


@pytest.fixture
async def claude() -> AsyncIterator[SimulatedClaude]:
    """A simulated Claude."""
    async with SimulatedClaude() as claude:
        claude.script.always(_about)
        yield claude


def _about(asked: Asked) -> str:
    return f"About {asked.question}."


@pytest.fixture
def environ(claude: SimulatedClaude, tmp_path: Path) -> Mapping[str, str]:
    """What the process finds in its environment; its items are in its directory."""
    (tmp_path / "items.txt").write_text("\n".join(ITEMS))
    return {
        "ANTHROPIC_API_KEY": "sk-ant-simulated",
        "ANTHROPIC_BASE_URL": claude.base_url,
        "DATABASE_URL": f"sqlite:///{tmp_path / 'parley.db'}",
    }


def _done(directory: Path) -> int:
    """How many items the state file says are done."""
    file = directory / "items.txt.answers.jsonl.state"
    return file.read_text().count('"done"') if file.exists() else 0


async def _whole_run(*more: str, directory: Path, environ: Mapping[str, str]) -> Any:
    """What a run says that is left in peace, as JSON."""
    order = ("batch", "About", "items.txt", "--json", *more)
    async with warm_parley(*order, directory=directory, environ=environ) as process:
        assert await process.end(60.0) == 0, process.err.read_text()
        return json.loads(process.out.read_text())


def _answers(directory: Path) -> list[str]:
    lines = (directory / "items.txt.answers.jsonl").read_text().splitlines()
    return [json.loads(line)["answer"] for line in lines]


async def test_a_killed_batch_goes_on_and_pays_for_no_item_twice(
    claude: SimulatedClaude, environ: Mapping[str, str], tmp_path: Path
) -> None:
    """Items that were done stay done; those in the middle are asked again. The ledger knows of all."""
    slow = Pace(first_token_s=0.0, tokens_per_s=0.001)
    claude.script.when("item 6", Reply("This takes its time.", pace=slow))
    claude.script.when("item 7", Reply("This takes its time.", pace=slow))
    order = ("batch", "About", "items.txt", "--parallel", "4")
    async with warm_parley(*order, directory=tmp_path, environ=environ) as process:
        await wait_until(lambda: _done(tmp_path) == COUNT - 2 and claude.running == 2, 60.0)
        process.kill()
        assert await process.end(10.0) == -signal.SIGKILL
    await claude.wait_for_disconnect(2)
    claude.script.clear()
    claude.script.always(_about)
    summary = await _whole_run(directory=tmp_path, environ=environ)
    assert summary["answered"] == COUNT
    assert _answers(tmp_path) == [f"About {item}." for item in ITEMS]
    paid = Counter(
        each.body["messages"][0]["content"].rpartition("\n")[2] for each in claude.requests
    )
    assert paid == {**dict.fromkeys(ITEMS, 1), "item 6": 2, "item 7": 2}
    assert len(claude.bill().of(BillStatus.COMPLETED).rows) == COUNT
    assert summary["requests"] == COUNT + 2


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupted_batch_says_how_to_go_on(
    claude: SimulatedClaude, environ: Mapping[str, str], tmp_path: Path, stop: signal.Signals
) -> None:
    """With status 130; what was under way is in the ledger, and what was done is not asked again."""
    claude.hold(after_chunks=1)
    order = ("batch", "About", "items.txt", "--parallel", "2")
    async with warm_parley(*order, directory=tmp_path, environ=environ) as process:
        await claude.wait_for_held(2, timeout_s=60.0)
        process.signal(stop)
        assert await process.end(60.0) == 130
        assert "the same command goes on from there" in process.err.read_text()
    await claude.wait_for_disconnect(2)
    claude.release()
    summary = await _whole_run(directory=tmp_path, environ=environ)
    assert summary["answered"] == COUNT
    assert summary["requests"] == COUNT + 2
    assert (
        summary["cost_usd"] >= f"{claude.bill().of(BillStatus.COMPLETED).total_nanousd / 1e9:.9f}"
    )


@pytest.mark.parametrize("killed_when", ["handed over", "answered"])
async def test_a_killed_batch_at_the_provider_is_collected_by_the_next_run(
    claude: SimulatedClaude, environ: Mapping[str, str], tmp_path: Path, killed_when: str
) -> None:
    """Nothing is handed over again, so every item is paid once, at half the price."""
    claude.batches.hold()
    order = ("batch", "About", "items.txt", "--batch-api")
    async with warm_parley(*order, directory=tmp_path, environ=environ) as process:
        await wait_until(lambda: list(claude.batches), 60.0)
        if killed_when == "answered":
            await wait_until(lambda: claude.other_calls.get("batches.retrieve"), 60.0)
        process.kill()
        await process.end(10.0)
    claude.batches.release()
    summary = await _whole_run("--batch-api", directory=tmp_path, environ=environ)
    assert (summary["answered"], summary["requests"]) == (COUNT, COUNT)
    assert _answers(tmp_path) == [f"About {item}." for item in ITEMS]
    bill = claude.bill()
    assert (len(bill.rows), len(list(claude.batches))) == (COUNT, 1)
    assert summary["cost_usd"] == f"{bill.total_nanousd / 1e9:.9f}"


async def test_a_batch_that_is_killed_at_any_moment_pays_for_no_item_twice(
    claude: SimulatedClaude, environ: Mapping[str, str], tmp_path: Path
) -> None:
    """However far it came: whole answers are paid once, and the output is complete in the end."""
    order = ("batch", "About", "items.txt", "--batch-api")
    for call in ("batches.create", "batches.retrieve", "batches.results"):
        async with warm_parley(*order, directory=tmp_path, environ=environ) as process:
            await wait_until(partial(claude.calls_of, call), 60.0)
            process.kill()
            await process.end(10.0)
    summary = await _whole_run("--batch-api", directory=tmp_path, environ=environ)
    assert summary["answered"] == COUNT
    assert len(claude.bill().rows) == COUNT
