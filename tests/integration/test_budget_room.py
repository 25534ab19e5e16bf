"""Where a budget has room once others have settled, a question waits for it instead of being refused."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from bot.money.budget_queue import BudgetQueue
from bot.money.news import BudgetNews
from bot.plugins import Context, Plugin
from bot.vocabulary import NANO_PER_DOLLAR, SystemClock
from sandbox.claude import Reply, ToolCall
from sandbox.testing import MovableClock, running
from storage import budgets, overview
from storage.budgets import BudgetClaim
from storage.database import Database
from storage.errors import BudgetExceeded
from tests.engine_rig import ADA, PATIENCE_S, Rig, engine
from tests.storage_kit import at
from tests.support import wait_until

ONE_AT_A_TIME = """
[claude]
max_output_tokens = 1000
[[budgets]]
scope = "global"
period = "month"
limit_usd = 0.0125
"""
SET_ASIDE = "The rest of the budget here is set aside for answers under way. "
LATER = SET_ASIDE + "Yours comes as soon as there is room."
NOT_NOW = SET_ASIDE + "Please try again in a moment."


async def _while_one_is_asked(rig: Rig, *, says: str = "Yes.") -> None:
    """Claude works on an answer, and holds what it can cost at most."""
    rig.claude.script.always(says)
    rig.claude.hold()
    rig.say("first", thread=rig.thread("first"))
    await rig.claude.wait_for_request(1)


async def test_a_question_waits_for_what_others_hold(ready_url: str) -> None:
    """It is told that its answer comes later, and comes when the one before has settled; it took nothing
    from the budget meanwhile."""
    async with engine(ready_url, ONE_AT_A_TIME) as rig:
        await _while_one_is_asked(rig)
        second = rig.say("second", thread=rig.thread("second"))
        await rig.shows(LATER, second.thread)
        assert len(rig.asked) == 1
        rig.claude.release()
        end = await rig.end_of(second)
        assert (end.outcome, len(rig.asked)) == ("answered", 2)
        assert SET_ASIDE not in end.text
        assert sum(row.cost_nanousd for row in await rig.ledger()) <= 12_500_000


async def test_all_who_wait_get_their_turn(ready_url: str) -> None:
    """Of five at once, which have room one by one, none is refused."""
    async with engine(ready_url, ONE_AT_A_TIME) as rig:
        rig.claude.script.always("Yes.")
        asked = [rig.say(f"number {n}", thread=rig.thread(f"t{n}")) for n in range(5)]
        assert {end.outcome for end in await rig.ends_of(asked)} == {"answered"}


async def test_what_is_used_up_is_not_waited_for(ready_url: str) -> None:
    """Who waits is told at once when there will be no room, and when the budget starts afresh."""
    async with engine(ready_url, ONE_AT_A_TIME) as rig:
        await _while_one_is_asked(rig, says="word " * 900)
        second = rig.say("second", thread=rig.thread("second"))
        await rig.shows(LATER, second.thread)
        rig.claude.release()
        end = await rig.end_of(second)
        assert (end.outcome, len(rig.asked)) == ("over_budget", 1)
        assert end.text.startswith("The budget for answers here is used up.")


async def test_a_cheaper_model_does_not_wait(ready_url: str) -> None:
    """With `downgrade` the cheaper one answers at once where the one that was meant would have to wait."""
    chain = 'model = "claude-opus-5-5"\nfallback_models = ["claude-haiku-5-5"]\n'
    budget = ONE_AT_A_TIME.replace("[claude]\n", f"[claude]\n{chain}").replace("0.0125", "0.03")
    async with engine(ready_url, f'{budget}action = "downgrade"\n') as rig:
        await _while_one_is_asked(rig)
        second = rig.say("second", thread=rig.thread("second"))
        await rig.claude.wait_for_request(2)
        rig.claude.release()
        assert (await rig.end_of(second)).outcome == "answered"
        assert [each.model for each in rig.asked] == ["claude-opus-5-5", "claude-haiku-5-5"]


async def test_no_question_waits_for_ever(ready_url: str) -> None:
    """After half of its time it is told what is true; operators do not hear that the budget is full."""
    hurried = '[channels."memory:home:hurried".claude]\nturn_deadline_s = 1\n'
    watched = '[operators]\nchannel = "memory:operators"\n'
    async with engine(ready_url, f"{ONE_AT_A_TIME}{hurried}{watched}") as rig:
        await _while_one_is_asked(rig)
        end = await rig.end_of(rig.say("Now?", thread=rig.thread("1", channel="hurried")))
        assert (end.outcome, end.text) == ("over_budget", NOT_NOW)
        assert rig.shown(rig.thread(channel="operators")) == []


async def test_who_waits_can_be_stopped(ready_url: str) -> None:
    """The Stop button ends a question that waits, as it ends any other."""
    async with engine(ready_url, ONE_AT_A_TIME) as rig:
        await _while_one_is_asked(rig)
        second = rig.say("second", thread=rig.thread("second"))
        await rig.shows(LATER, second.thread)
        rig.platform.stop(second.thread, ADA)
        assert (await rig.end_of(second)).outcome == "stopped"


async def test_a_tool_is_not_used_again_because_its_answer_waits() -> None:
    """In the middle of an answer the turn waits with what its tools have found."""
    used: list[str] = []
    plugin = Plugin("clock", api=1)

    @plugin.tool()
    async def look(ctx: Context) -> str:
        """Look at the clock."""
        bot.claude.hold()  # from now on nothing is answered: the next to come holds its budget
        other = bot.tell("Hm?", thread=bot.platform.thread("other"))
        await bot.claude.wait_for_request(2)
        used.append(other.id)
        return "noon"

    async with running(plugin, config=ONE_AT_A_TIME.replace("0.0125", "0.015")) as bot:
        bot.claude.script.next(Reply("I look.", tool_calls=(ToolCall("clock__look", {}),)))
        bot.claude.script.always("It is noon.")
        asked = bot.tell("What time is it?")
        await wait_until(
            lambda: any(LATER in each.text for each in bot.platform.visible(asked.thread)),
            PATIENCE_S,
            what="the answer waiting",
        )
        bot.claude.release()
        heard = await bot.answer_to(asked)
    assert (heard.text, heard.outcome) == ("I look.\n\nIt is noon.", "answered")
    assert len(used) == 1


# The queue itself

Ask = Callable[[int], "asyncio.Task[bool]"]
CLAIM = BudgetClaim("global", 100, at(86_400))


async def _refused(database: Database, amount: int = 60) -> BudgetExceeded:
    with pytest.raises(BudgetExceeded) as refused:
        await database.write(budgets.hold, [CLAIM], amount)
    return refused.value


@pytest_asyncio.fixture
async def other_replica(ready_url: str) -> AsyncIterator[Database]:
    """Another user of the same database."""
    other = Database(ready_url, clock=SystemClock())
    yield other
    await other.close()


async def test_room_that_another_replica_makes_is_found(
    database: Database, other_replica: Database
) -> None:
    """Nobody here hears of it; who waits looks by themselves."""
    await other_replica.write(budgets.hold, [CLAIM], 60)
    queue = BudgetQueue(database=database, news=BudgetNews(), most=1, look_again_s=0.1)
    waiting = asyncio.create_task(queue.wait(await _refused(database), "t1"))
    await wait_until(lambda: queue.waiting == 1, PATIENCE_S, what="one waiting")
    await other_replica.write(budgets.settle, ["global"], held_nanousd=60, spent_nanousd=10)
    async with asyncio.timeout(PATIENCE_S):
        assert await waiting


async def test_who_came_first_goes_first_and_too_many_do_not_wait(database: Database) -> None:
    """A place in the queue is kept for whoever asked earlier, and the queue has an end."""
    await database.write(budgets.hold, [CLAIM], 60)
    news = BudgetNews()
    queue, refusal, went = (
        BudgetQueue(database=database, news=news, most=3),
        await _refused(database),
        [],
    )

    async def go(place: str) -> Any:
        if await queue.wait(refusal, place):
            went.append(place)

    tasks = [asyncio.create_task(go(place)) for place in ("t2", "t3", "t1")]
    await wait_until(lambda: queue.waiting == 3, PATIENCE_S, what="three waiting")
    assert not await queue.wait(refusal, "t4")
    await database.write(budgets.settle, ["global"], held_nanousd=60, spent_nanousd=0)
    news.spent()
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*tasks)
    assert went == ["t1", "t2", "t3"]
    assert queue.waiting == 0


SHORT_THREADS = """
[claude]
turn_deadline_s = 10
[context]
max_input_tokens = 1000
[[budgets]]
scope = "global"
period = "month"
limit_usd = 10
"""
TEN_DOLLARS = 10 * NANO_PER_DOLLAR


@pytest.mark.parametrize("dialect", ["sqlite"])  # PostgreSQL's clock can't be moved
async def test_a_summary_that_waited_leaves_time_for_the_answer(ready_url: str) -> None:
    """It may take half of what is left by then, not of what was left before; then it is done without."""
    clock = MovableClock()
    async with engine(ready_url, SHORT_THREADS, started=False) as rig:
        rig.start(clock=clock)
        rig.claude.script.always("A plain answer to that. " * 36)
        for question in ("first", "second", "third"):
            await rig.ask(question)
        (budget,) = await rig.database.read(overview.budgets_now, now=clock.now(), limit=9)
        rest = TEN_DOLLARS - budget.spent_nanousd
        claim = BudgetClaim(budget.key, TEN_DOLLARS, budget.ends_at)
        await rig.database.write(budgets.hold, [claim], rest)
        rig.claude.hold()
        fourth = rig.say("word " * 500)
        await rig.shows(LATER)
        clock.move(4.5)
        await rig.database.write(budgets.settle, [claim.key], held_nanousd=rest, spent_nanousd=0)
        await rig.claude.wait_for_request(4)
        assert rig.asked[-1].text.startswith("Summarise the conversation")
        await wait_until(
            lambda: rig.asked[-1].text.strip().endswith("word"),
            PATIENCE_S,
            what="the question asked without a summary",
        )
        rig.claude.release()
        assert (await rig.end_of(fourth)).outcome == "answered"
        versions = [version for each in rig.shown() for version in each.versions]
        assert not [each for each in versions if "can't be reached" in each], "it was put off"
