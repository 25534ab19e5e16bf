"""Whatever the provider does: the right answer, or a plain sentence with a reference, and honest books."""

import re
from functools import partial

import pytest

from bot.claude.retry import RetryPolicy
from bot.engine import endings
from sandbox.claude import BillStatus, Fault, Reply
from tests.engine_rig import Rig, engine

ANSWER = "The sky is blue because air scatters short waves more than long ones."
REFERENCE = re.compile(r"\(reference [0-9A-Z]{7}\)")
INNARDS = re.compile(r"Error|Exception|Traceback|[{}]|sk-ant|HTTP|\b[45]\d\d\b")

QUICK = """
[claude]
turn_deadline_s = 4.0
max_attempts = 2
fallback_models = []
outage_patience_s = 0
"""
"""One model, two attempts, and no patience: what fails, fails at once."""

UNHURRIED = QUICK.replace("turn_deadline_s = 4.0", "turn_deadline_s = 60.0")
"""The same with time for a busy machine, where nothing hangs."""

WITH_FALLBACK = """
[claude]
turn_deadline_s = 4.0
max_attempts = 2
outage_patience_s = 0
"""

PATIENT = """
[claude]
max_attempts = 2
outage_patience_s = 60
"""
"""Time enough that a busy machine does not give up on what the provider has already completed."""

PASSING = {
    "500": Fault.of_status(500),
    "502": Fault.of_status(502),
    "503": Fault.of_status(503),
    "529": Fault.of_status(529),
    "429": Fault.of_status(429, retry_after="0"),
    "408": Fault.of_status(408),
    "409": Fault.of_status(409),
    "drop": Fault.drop(),
    "reset": Fault.drop(reset=True),
    "cut": Fault.cut(2),
    "end early": Fault.end_early(2),
    "error event": Fault.stream_error("overloaded_error", 2),
    "truncated": Fault.truncated_json(2),
    "not json": Fault.not_json(),
    "html": Fault.html(),
}
"""What another attempt gets over."""

HARMLESS = {"unknown events": Fault.unknown_events(2), "drip": Fault.drip()}

FINAL = {
    "400": Fault.of_status(400),
    "401": Fault.of_status(401),
    "402": Fault.of_status(402),
    "403": Fault.of_status(403),
    "spend limit": Fault.spend_limit(),
}
"""What no attempt gets over."""

HANGING = {"hang": Fault.hang(), "stall": Fault.stall(2)}


@pytest.fixture(autouse=True)
def _tries_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long to wait in between is `RetryPolicy`'s affair, and has its own tests."""
    monkeypatch.setattr("bot.app.RetryPolicy", partial(RetryPolicy, base_s=0.05))


async def books_agree(rig: Rig) -> None:
    """Every request that the provider completed is in the ledger at the provider's own price."""
    rows = {row.request_id: row for row in await rig.ledger()}
    assert all(row.status != "open" for row in rows.values())
    completed = [row for row in rig.claude.bill().rows if row.status is BillStatus.COMPLETED]
    assert completed
    for billed in completed:
        row = rows[billed.request_id]
        assert row.status == "completed"
        assert row.cost_nanousd == billed.cost_nanousd


@pytest.mark.parametrize("name", [*PASSING, *HARMLESS])
async def test_a_passing_fault_is_not_noticed(ready_url: str, name: str) -> None:
    """Once is no harm: the whole answer comes, and nothing of the failed attempt stays."""
    async with engine(ready_url, UNHURRIED) as rig:
        rig.claude.script.always(ANSWER)
        rig.claude.fail_next((PASSING | HARMLESS)[name])
        assert await rig.ask("Why is the sky blue?") == ANSWER
        assert len(rig.replies()) == 1
        await books_agree(rig)


@pytest.mark.parametrize("name", [*PASSING, *FINAL, *HANGING])
async def test_a_lasting_fault_ends_in_a_plain_sentence(ready_url: str, name: str) -> None:
    """The person reads a sentence with a reference; the operator can try the turn again."""
    async with engine(ready_url, QUICK) as rig:
        rig.claude.fail_next((PASSING | FINAL | HANGING)[name], times=None)
        ended = await rig.end_of(rig.say("Why is the sky blue?"))
        assert ended.status == "parked"
        assert REFERENCE.search(ended.text)
        assert not INNARDS.search(REFERENCE.sub("", ended.text)), ended.text
        assert len(ended.shown) == 1
        assert all(row.status != "open" for row in await rig.ledger())


@pytest.mark.parametrize("name", ["529", "end early", "hang", "404"])
async def test_the_fallback_model_steps_in(ready_url: str, name: str) -> None:
    """The first model fails for good: the second one answers."""
    faults = PASSING | HANGING | {"404": Fault.of_status(404)}
    async with engine(ready_url, WITH_FALLBACK) as rig:
        rig.claude.script.always(ANSWER)
        rig.claude.fail_next(faults[name], times=None, model="claude-sonnet-5-5")
        assert await rig.ask("Why is the sky blue?") == ANSWER
        assert rig.asked[-1].model == "claude-haiku-5-5"
        await books_agree(rig)


async def test_an_outage_is_told_and_waited_out(
    ready_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First a sentence that the answer comes later; then, in the same message, the answer."""
    monkeypatch.setattr(endings, "FIRST_RETRY_S", 0.3)
    async with engine(ready_url, QUICK.replace("patience_s = 0", "patience_s = 60")) as rig:
        rig.claude.script.always(ANSWER)
        rig.claude.fail_next(Fault.of_status(529), times=None)
        question = rig.say("Why is the sky blue?")
        await rig.shows("can't be reached just now")
        assert REFERENCE.search(rig.replies()[0])
        rig.claude.faults.clear()
        assert await rig.answer_to(question) == ANSWER
        assert len(rig.platform.posted) == 1, "one message from first to last"


async def test_in_an_outage_an_older_answer_serves_and_says_so(ready_url: str) -> None:
    """The same question in another thread of the channel gets the earlier answer, marked."""
    async with engine(ready_url, QUICK) as rig:
        rig.claude.script.always(ANSWER)
        assert await rig.ask("Why is the sky blue?") == ANSWER
        rig.claude.fail_next(Fault.of_status(529), times=None)
        other = rig.thread("2")
        text = await rig.ask("why is the  sky blue", thread=other)
        assert text.endswith(ANSWER)
        assert "the answer I gave to the same question" in text


async def test_a_refusal_is_said_and_forgotten(ready_url: str) -> None:
    """The person is told; the next prompt knows nothing of it, and the bill is in the books."""
    async with engine(ready_url, QUICK) as rig:
        rig.claude.script.next(Reply.refused())
        assert "declined" in await rig.ask("Something bad.")
        rig.claude.script.always(ANSWER)
        assert await rig.ask("Why is the sky blue?") == ANSWER
        assert "bad" not in rig.asked[-1].whole


async def test_an_answer_that_was_cut_off_says_so(ready_url: str) -> None:
    """The text that there is, and a sentence that there would be more."""
    async with engine(ready_url, f"{QUICK}\nmax_output_tokens = 5") as rig:
        rig.claude.script.always(ANSWER)
        text = await rig.ask("Why is the sky blue?")
        assert text.startswith("The sky")
        assert "Cut off here" in text


async def test_a_storm_leaves_honest_books(ready_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty questions, every kind of fault, a breaker that opens: all are answered, to the cent."""
    monkeypatch.setattr(endings, "FIRST_RETRY_S", 0.3)
    async with engine(ready_url, PATIENT) as rig:
        rig.claude.script.always(ANSWER)
        for fault in PASSING.values():
            rig.claude.fail_next(fault)
        questions = [rig.say(f"Question {n}?", thread=rig.thread(f"{n}")) for n in range(40)]
        assert [await rig.answer_to(each) for each in questions] == [ANSWER] * 40
        await books_agree(rig)
