"""What an answer costs: the ledger against the provider's bill, the answer cache, the footer."""

import asyncio
import random
from pathlib import Path

from sandbox.claude import BillStatus, Fault, Pace, Reply
from storage import ledger
from tests.engine_rig import Rig, engine
from tests.support import wait_until

STORM = """
[claude]
turn_deadline_s = 15
max_attempts = 3
outage_patience_s = 0
"""
FAULTS = (
    Fault.of_status(529),
    Fault.of_status(500),
    Fault.of_status(429, retry_after="0"),
    Fault.drop(),
    Fault.cut(3),
    Fault.end_early(2),
    Fault.stream_error("overloaded_error", 4),
    Fault.truncated_json(1),
)


async def _disagreements(rig: Rig) -> list[str]:
    """How the ledger differs from the provider's bill, which is to be the same to the nano-dollar."""
    entries = await rig.ledger()
    rows = {row.request_id: row for row in entries}
    bill = {row.request_id: row for row in rig.claude.bill().rows}
    unknown = [request_id for request_id in bill if request_id not in rows]
    # Whoever interrupts a request before the head of its answer came never learns its id.
    nameless = sum(row.request_id is None and row.status == "estimated" for row in entries)
    return [
        *(f"no entry for {request_id}" for request_id in unknown[nameless:]),
        *(
            f"{row.cost_nanousd} instead of {bill[row.request_id].cost_nanousd}"
            for row in rows.values()
            if row.status == "completed" and row.cost_nanousd != bill[row.request_id].cost_nanousd
        ),
    ]


async def test_the_ledger_is_the_bill_after_a_storm(ready_url: str) -> None:
    """Many threads, several turns each, faults, edits and stops: the books still agree."""
    dice = random.Random(20261123)  # noqa: S311 - the same storm at every run, no secret
    async with engine(ready_url, STORM) as rig:
        rig.claude.script.always(
            lambda asked: Reply(f"{asked.question} " * 20, pace=Pace(tokens_per_chunk=3))
        )

        interruptions = 0

        async def talk(number: int) -> None:
            nonlocal interruptions
            thread = rig.thread(f"t{number}", channel=f"c{number % 4}")
            for turn in range(3):
                if dice.random() < 0.4:
                    rig.claude.fail_next(dice.choice(FAULTS))
                question = rig.say(f"{number}/{turn}", thread=thread)
                if dice.random() < 0.3:
                    interruptions += 1
                    rig.platform.change(question, f"{number}/{turn}, rather")
                if dice.random() < 0.2:
                    interruptions += 1
                    rig.platform.stop(thread, question.author)
                await rig.end_of(question)

        await asyncio.gather(*(talk(number) for number in range(15)))
        await wait_until(lambda: _nothing_open(rig), what="every entry closed")
        assert await _disagreements(rig) == []
        completed = [row for row in await rig.ledger() if row.status == "completed"]
        whole = rig.claude.bill().of(BillStatus.COMPLETED).rows
        assert len(completed) >= 30
        # An answer may be whole at the provider when a person interrupts, and never get here.
        assert len(completed) <= len(whole) <= len(completed) + interruptions


SELDOM = "[engine]\nheartbeat_s = 12\nlease_s = 25\n"


async def test_a_killed_process_leaves_no_output_out_of_the_books(ready_url: str) -> None:
    """Whatever had come when it was killed, heartbeats or not: who finds the entry books no less, and no
    more than the request could cost. If the process lives after all, its own figures count."""
    async with engine(ready_url, SELDOM) as rig:
        rig.claude.script.always(Reply("word " * 1000, pace=Pace(tokens_per_s=400)))
        rig.claude.hold(after_chunks=170)
        question = rig.say("Tell me everything.")
        await rig.claude.wait_for_held()
        come = 170 * Pace().tokens_per_chunk
        await wait_until(lambda: _written(rig, come), 8.0, what=f"{come} tokens written down")
        now, price_of = rig.database.now(), _pricing(rig)
        assert await rig.database.write(
            ledger.close_abandoned, now=now, price_of=price_of, opened_before=now
        )
        (row,) = await rig.ledger()
        assert row.status == "estimated"
        assert come <= row.output_tokens <= 4096
        assert 0 < row.cost_nanousd <= row.held_nanousd
        rig.claude.release()
        assert (await rig.end_of(question)).outcome == "answered"
        assert [row.status for row in await rig.ledger()] == ["completed"]
        assert await _disagreements(rig) == []


async def _written(rig: Rig, output_tokens: int) -> bool:
    return any(row.output_tokens >= output_tokens for row in await rig.ledger())


def _pricing(rig: Rig) -> ledger.PriceOf:
    return rig.replicas[0].dispatcher._price_of


async def _nothing_open(rig: Rig) -> bool:
    return all(row.status != "open" for row in await rig.ledger())


async def test_the_same_request_costs_nothing(ready_url: str) -> None:
    """Asked again in a new thread, the answer comes from the database, and says so in the footer."""
    async with engine(ready_url, "[replies]\nfooter = true") as rig:
        rig.claude.script.always("Paris.")
        await rig.ask("The capital of France?", thread=rig.thread("1"))
        end = await rig.end_of(rig.say("The capital of France?", thread=rig.thread("2")))
        assert end.outcome == "cached"
        assert end.text == "Paris.\n\n_claude-sonnet-5-5 · from the answer cache · $0_"
        assert len(rig.claude.requests) == 1
        assert len(await rig.ledger()) == 1


async def test_a_cached_answer_is_part_of_the_conversation(ready_url: str) -> None:
    """The next question in that thread finds it in its history."""
    async with engine(ready_url) as rig:
        rig.claude.script.next("Paris.", "Two million.")
        await rig.ask("The capital of France?", thread=rig.thread("1"))
        await rig.ask("The capital of France?", thread=rig.thread("2"))
        assert await rig.ask("Its size?", thread=rig.thread("2")) == "Two million."
        assert rig.asked[-1].said[1] == ("assistant", "Paris.")


async def test_another_history_is_another_request(ready_url: str) -> None:
    """The same words after something else was said are asked anew."""
    async with engine(ready_url) as rig:
        rig.claude.script.next("Berlin.", "Paris.")
        await rig.ask("The capital?", thread=rig.thread("1"))
        assert await rig.ask("The capital?", thread=rig.thread("1")) == "Paris."


async def test_the_answer_cache_can_be_off_or_short(ready_url: str) -> None:
    """With `answers = false` every question is asked."""
    async with engine(ready_url, "[cache]\nanswers = false") as rig:
        for number in range(2):
            end = await rig.end_of(rig.say("Same?", thread=rig.thread(f"{number}")))
            assert end.outcome == "answered"
        assert len(rig.claude.requests) == 2


async def test_an_answer_grows_old(ready_url: str) -> None:
    """Beyond `max_age_s` an answer is not given again."""
    async with engine(ready_url, "[cache]\nmax_age_s = 0.001") as rig:
        for number in range(2):
            end = await rig.end_of(rig.say("Same?", thread=rig.thread(f"{number}")))
            assert end.outcome == "answered"


async def test_a_stand_ins_answer_is_not_taken_for_the_models(ready_url: str) -> None:
    """What the fallback model said is not given again as if it were the answer to the same request."""
    async with engine(ready_url, "[claude]\nmax_attempts = 1") as rig:
        rig.claude.fail_next(Fault.of_status(529), model="claude-sonnet-5-5")
        rig.claude.script.next("Haiku's word.", "Sonnet's word.")
        assert await rig.ask("Same?", thread=rig.thread("1")) == "Haiku's word."
        assert await rig.ask("Same?", thread=rig.thread("2")) == "Sonnet's word."


async def test_the_footer_tells_model_tokens_and_cost(ready_url: str) -> None:
    """Under the answer, and never in the history."""
    async with engine(ready_url, "[replies]\nfooter = true") as rig:
        rig.claude.script.next("Paris.")
        answer = await rig.ask("The capital of France?")
        (billed,) = rig.claude.bill().rows
        assert answer == (
            f"Paris.\n\n_claude-sonnet-5-5 · {billed.usage.prompt_tokens} tokens in, "
            f"{billed.usage.output_tokens} out · ${billed.cost_nanousd / 1e9:.4f}_"
        )
        await rig.ask("Its size?")
        assert rig.asked[-1].said[1] == ("assistant", "Paris.")


SLOW_FILTER = '''
"""Looks at answers for as long as there is a file."""

import asyncio
from pathlib import Path

from bot.plugins import Context, Plugin

plugin = Plugin("slow", api=1)


@plugin.filter(stage="outbound", on_error="block", timeout_s=30)
async def look(_ctx: Context, text: str) -> None:
    """Take time."""
    Path("{reached}").touch()
    while Path("{flag}").exists():
        await asyncio.sleep(0.01)
'''


async def test_an_answer_that_came_too_late_is_in_the_books(ready_url: str, tmp_path: Path) -> None:
    """The question changes when Claude has answered and a filter still looks at it: nobody sees that
    answer, but it is on the bill, and so it is in the ledger."""
    flag, reached, folder = tmp_path / "flag", tmp_path / "reached", tmp_path / "plugins"
    folder.mkdir()
    flag.touch()
    (folder / "slow.py").write_text(SLOW_FILTER.format(flag=flag, reached=reached))
    async with engine(ready_url, f'[plugin_host]\nfolder = "{folder}"') as rig:
        rig.claude.script.always(lambda asked: f"About {asked.question}")
        question = rig.say("Old words")
        await wait_until(reached.exists, what="the filter at work")
        rig.platform.change(question, "New words")
        await rig.claude.wait_for_request(2)
        flag.unlink()
        assert "New words" in await rig.answer_to(question)
        assert [row.status for row in await rig.ledger()] == ["completed", "completed"]
        assert await _disagreements(rig) == []
