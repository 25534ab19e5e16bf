"""A batch and a provider that is overloaded: it waits, and knows when to stop."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.app import batch_runner
from bot.batch.batch import Summary
from bot.batch.items import read_items
from bot.batch.plan import Plan
from bot.batch.template import Template
from config import Settings, load_settings
from sandbox.claude import Fault, RateLimits, SimulatedClaude
from sandbox.testing import MovableClock
from storage.migrations.ready import ready_sqlite

COUNT = 6


@dataclass(frozen=True, slots=True)
class Office:
    """Settings with which a simulated Claude is asked, and a clock that runs ahead."""

    settings: Settings
    clock: MovableClock
    folder: Path

    async def run(self) -> Summary:
        """A batch of some items, without waiting for the time that it waits."""
        content = "\n".join(f"item {number}" for number in range(COUNT)).encode()
        update = {"max_attempts": 1, "max_concurrency": 2}
        plan = Plan(
            template=Template("About"),
            items=read_items(content, name="items", kind="lines"),
            system="",
            claude=self.settings.claude.model_copy(update=update),
            state_file=self.folder / "state",
        )
        async with batch_runner(self.settings, clock=self.clock, environ={}) as batch:
            task = asyncio.create_task(batch.run(plan, on_progress=lambda *_: None))
            while not task.done():
                self.clock.move(1.0)
                await asyncio.wait({task}, timeout=0.01)
            return await task


@pytest.fixture
async def claude() -> AsyncIterator[SimulatedClaude]:
    """A simulated Claude whose clock is real."""
    async with SimulatedClaude() as claude:
        yield claude


@pytest.fixture
def office(claude: SimulatedClaude, tmp_path: Path) -> Office:
    """An office with that Claude."""
    environment = {
        "ANTHROPIC_API_KEY": "sk-ant-simulated",
        "ANTHROPIC_BASE_URL": claude.base_url,
        "DATABASE_URL": ready_sqlite(tmp_path / "parley.db"),
    }
    return Office(load_settings(environment, tmp_path), MovableClock(), tmp_path)


async def test_an_overloaded_provider_is_waited_for(
    office: Office, claude: SimulatedClaude
) -> None:
    """Nobody has to run the batch again for it."""
    claude.fail_next(Fault.of_status(529), times=5)
    summary = await office.run()
    assert summary.counts == {"answered": COUNT}
    assert len(claude.bill().rows) == COUNT


async def test_a_provider_that_stays_away_is_not_asked_for_ever(
    office: Office, claude: SimulatedClaude
) -> None:
    """After as many items in vain as are asked at once the batch stops; the next run goes on."""
    claude.fail_next(Fault.of_status(529), times=None)
    summary = await office.run()
    assert summary.stopped is not None
    assert "the provider does not answer" in summary.stopped
    assert summary.counts["left"] == COUNT - summary.counts["failed"] > 0
    claude.faults.clear()
    office.clock.move(600)
    assert (await office.run()).counts == {"answered": COUNT}


async def test_a_rate_limit_slows_a_batch_down_and_costs_no_item(
    office: Office, claude: SimulatedClaude
) -> None:
    """Every item is answered in the end."""
    claude.limits = RateLimits(requests_per_min=240, enforced=True)
    summary = await office.run()
    assert summary.counts == {"answered": COUNT}
