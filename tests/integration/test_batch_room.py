"""A batch that finds no room in a budget: when it waits, and when it stops."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.batch.capped_books import CappedBooks
from bot.batch.direct import Direct
from bot.batch.errors import BatchStopped
from bot.batch.items import read_items
from bot.batch.plan import Question
from bot.batch.state import StateFile
from bot.claude.bound import Claude, plain_prompt
from bot.claude.events import Completion
from bot.claude.memory_books import InMemoryBooks
from bot.claude.prompt import Prompt
from bot.money.budget_queue import BudgetQueue
from bot.money.news import BudgetNews
from bot.vocabulary import SystemClock
from storage.database import Database
from storage.errors import BudgetExceeded
from tests.storage_kit import at


class _NoRoom(Claude):
    """What is left of the budget is held by others, whenever it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def ask(
        self,
        prompt: Prompt | str,
        *,
        purpose: str | None = None,
        on_answer: Callable[[Completion], None] | None = None,
    ) -> Completion:
        self.asked += 1
        raise BudgetExceeded(
            "global", resets_at=at(1), limit_nanousd=100, wanted_nanousd=50, held=True
        )


async def test_a_database_that_goes_away_while_a_batch_waits_stops_it(tmp_path: Path) -> None:
    """It says why, and does not take the item for one that was asked about."""
    clock, claude = SystemClock(), _NoRoom()
    (tmp_path / "gone").mkdir()
    gone = Database(f"sqlite:///{tmp_path / 'gone'}", clock=clock)
    (item,) = read_items(b"apples", name="items", kind="lines")
    with StateFile(tmp_path / "state", run="x", digest="y", clock=clock) as state:
        direct = Direct(
            claude=claude,
            books=CappedBooks(InMemoryBooks(), limit_nanousd=None, spent_nanousd=0),
            room=BudgetQueue(database=gone, news=BudgetNews(), most=1),
            state=state,
            at_once=1,
            patience_s=30.0,
            clock=clock,
            on_record=lambda _: None,
        )
        with pytest.raises(BatchStopped, match="is a folder"):
            await direct.run([Question("key", item, plain_prompt("apples"))])
        assert claude.asked == 1
        assert not state.known.done
        assert not state.known.failed
    await gone.close()
