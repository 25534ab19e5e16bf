"""The nightly sweep and the hourly look: what people said grows old, what it cost does not."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, func, select

from bot.maintenance import Maintenance
from bot.vocabulary import Closing, EntryStatus, ManualClock, SystemClock, TurnOutcome, Usage
from config import load_settings
from storage import answers, history, integrity, ledger, ratings, schedules, told, turns, usage_sums
from storage.answers import KnownAnswer
from storage.budgets import BudgetClaim
from storage.database import Database
from storage.history import NewSaid
from storage.tables import ToldRow
from storage.turns import Answered
from storage.upsert import table
from tests.engine_rig import engine
from tests.storage_kit import T0, at, end, known_price, put, request, said, take_one, thread

DAY_S = 86_400.0
QUESTION = NewSaid("user", ({"type": "text", "text": "why?"},), 3)
REPLY = NewSaid("assistant", ({"type": "text", "text": "because"},), 5)


class Unhurried(SystemClock):
    """A clock by which the pauses between two batches take no time."""

    async def sleep(self, delay_s: float) -> None:
        """Let others go first."""
        await super().sleep(0)


class Nights:
    """An installation some days after T0, and its maintenance."""

    def __init__(self, url: str, directory: Path) -> None:
        self.clock = ManualClock(T0)
        self.database = Database(url, clock=self.clock)
        self._directory = directory

    def maintenance(self, toml: str = "") -> Maintenance:
        """The maintenance of an operator with these settings."""
        (self._directory / "parley.toml").write_text(toml)
        return Maintenance(
            database=self.database,
            settings=load_settings({}, self._directory),
            clock=Unhurried(),
            price_of=known_price,
        )

    async def after(self, days: float, toml: str = "") -> None:
        """Let days pass since T0, and sweep."""
        await self.clock.advance(days * DAY_S - self.clock.monotonic())
        await self.maintenance(toml).sweep(self.clock.now())

    async def look(self) -> None:
        """The hourly look."""
        await self.maintenance().close_abandoned(self.clock.now())

    async def converse(self, name: str, *, after_s: float = 0.0) -> str:
        """A question and its answer, in a thread of that name; the turn's id."""
        now = at(after_s)
        await put(self.database, said("why?", id=name, where=thread(name)), now=now)
        work = await take_one(self.database, now=now)
        await self.database.write(
            ledger.open_entry, name, request(turn_id=work.turn.id), claims=(), now=now
        )
        answered = Answered(
            outcome=TurnOutcome.ANSWERED,
            answer="because",
            footer="8 tokens",
            history=(QUESTION, REPLY),
            entry=Closing(name, Usage(3, 5), EntryStatus.COMPLETED, 56),
            remembered=KnownAnswer(name, "why", "claude-sonnet-5-5", "because", now),
        )
        await self.database.write(turns.commit, work, answered, revision=None, now=now)
        await end(self.database, work, now=now)
        return work.turn.id

    async def start(self, job: str, *, day: float) -> bool:
        """Whether the run of a job that was due that many days after T0 can be had."""
        due_at = at(day * DAY_S)
        return await self.database.write(schedules.start, job, due_at, owner="me", now=due_at)

    async def texts(self, name: str, turn_id: str) -> list[str | None]:
        """What is still there of a conversation: what was said, the answer, its footer."""
        window = await self.database.read(history.window, thread(name).key, start=0)
        turn = await self.database.read(turns.get, turn_id)
        assert turn is not None
        spoken = ["".join(str(block["text"]) for block in each.content) for each in window]
        return [*spoken, turn.answer, turn.footer]


@pytest.fixture
async def nights(ready_url: str, tmp_path: Path) -> AsyncIterator[Nights]:
    """An installation on each of the two databases."""
    nights = Nights(ready_url, tmp_path)
    yield nights
    await nights.database.close()


async def test_old_texts_go_and_what_they_cost_stays(nights: Nights) -> None:
    """After `text_days` nothing that was said is left of a conversation; younger ones are untouched."""
    old = await nights.converse("old")
    young = await nights.converse("young", after_s=5 * DAY_S)
    await nights.after(8, "[retention]\ntext_days = 7")
    assert await nights.texts("old", old) == [None, None]
    assert await nights.texts("young", young) == ["why?", "because", "because", "8 tokens"]
    report = await nights.database.read(usage_sums.report, (), since=None, until=None)
    assert (report.total.cost_nanousd, report.total.requests, report.turns) == (112, 2, 2)


async def test_texts_are_kept_for_ever_if_that_is_wished(nights: Nights) -> None:
    """With `text_days = 0` the sweep leaves every text."""
    turn_id = await nights.converse("old")
    await nights.after(4000, "[retention]\ntext_days = 0")
    assert await nights.texts("old", turn_id) == ["why?", "because", "because", "8 tokens"]


async def test_duplicates_are_known_for_some_weeks(nights: Nights) -> None:
    """A message that a platform delivers again is dropped while its first copy is remembered."""
    await nights.converse("m1")
    again = said("why?", id="m1", where=thread("m1"))
    await nights.after(29, "[retention]\ninbox_days = 30")
    assert not await put(nights.database, again)
    await nights.after(31, "[retention]\ninbox_days = 30")
    assert await put(nights.database, again)


async def test_what_waits_is_never_swept(nights: Nights) -> None:
    """A question that nobody has answered yet is answered however long that takes."""
    await put(nights.database, said("still there?"))
    await nights.after(4000)
    work = await take_one(nights.database, now=nights.clock.now())
    assert [each.message.text for each in work.messages] == ["still there?"]


async def test_answers_too_old_to_be_given_again_go(nights: Nights) -> None:
    """The answer cache holds what it may still use, and nothing else."""
    await nights.converse("old")
    await nights.converse("young", after_s=DAY_S)
    await nights.after(1.5, "[cache]\nmax_age_s = 86400")
    assert await nights.database.read(answers.same_request, "old", since=T0) is None
    assert await nights.database.read(answers.same_request, "young", since=T0) is not None


async def test_more_than_a_batch_is_swept_in_one_night(nights: Nights) -> None:
    """Batches follow one another until nothing is left."""

    def tell_many(connection: Connection) -> None:
        for number in range(1_200):
            told.tell_once(connection, f"told {number}", now=T0, until=at(60))

    await nights.database.write(tell_many)
    await nights.after(1)
    assert await nights.database.read(_count_told) == 0


async def test_a_run_of_yesterday_is_known_while_those_of_the_spring_go(nights: Nights) -> None:
    """A job's last run can't be had a second time, however old its first ones are."""
    for day in (0, 49):
        assert await nights.start("digest", day=day)
    await nights.after(50)
    assert not await nights.start("digest", day=49)
    assert await nights.start("digest", day=0)


async def test_each_rating_grows_old_by_itself(nights: Nights) -> None:
    """What one person thought stays, though another said so long ago."""
    turn = await nights.converse("rated")
    for person, day in (("early", 0), ("late", 5)):
        await nights.database.write(
            ratings.rate, turn, person_id=person, good=True, now=at(day * DAY_S)
        )
    await nights.after(8, "[retention]\ntext_days = 7")
    assert await nights.database.read(ratings.of_turn, turn) == {"late": True}


def _count_told(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(table(ToldRow))).scalar_one()


async def test_requests_of_the_dead_are_closed_within_the_hour(nights: Nights) -> None:
    """An entry that nobody closes counts what it was expected to cost, and its budget is free again;
    one that may still be running is left alone."""
    budget = BudgetClaim("global||2026-11", limit_nanousd=10_000, resets_at=at(9 * DAY_S))
    for entry, opened_at in (("dead", T0), ("running", at(3000))):
        await nights.database.write(
            ledger.open_entry,
            entry,
            request(expected_input_tokens=100, worst_case_nanousd=4_000),
            claims=(budget,),
            now=opened_at,
        )
    await nights.clock.advance(3601)
    await nights.look()
    total = await nights.database.read(usage_sums.total, since=None, until=None)
    assert total.usage == Usage(input_tokens=100)
    assert total.cost_nanousd == known_price("", total.usage, T0)
    await nights.clock.advance(3600)
    await nights.look()
    total = await nights.database.read(usage_sums.total, since=None, until=None)
    assert total.usage == Usage(input_tokens=200)
    assert await nights.database.read(integrity.problems, now=nights.clock.now()) == []


async def test_the_sweep_comes_at_night_where_the_operators_are(nights: Nights) -> None:
    """At 03:20 by their clocks; the look for abandoned entries comes every hour."""
    jobs = nights.maintenance('[operators]\ntimezone = "Asia/Kolkata"').jobs()
    noon = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    due = {job.name: job.trigger.get_next_fire_time(None, noon) for job in jobs}
    night = datetime(2026, 11, 24, 3, 20, tzinfo=ZoneInfo("Asia/Kolkata"))
    assert due["retention"] == night.astimezone(UTC)
    looked = due["abandoned entries"]
    assert looked is not None
    assert looked - noon <= timedelta(hours=1)


async def test_a_conversation_goes_on_after_its_texts_are_gone(
    ready_url: str, tmp_path: Path
) -> None:
    """Who comes back after a year is answered, from what is still known: the new question."""
    async with engine(ready_url) as rig:
        rig.claude.script.next("Paris.", "Say more, please.")
        assert await rig.ask("The capital of France?") == "Paris."
        nights = Nights(ready_url, tmp_path)
        nights.clock = ManualClock(datetime.now(UTC) + timedelta(days=400))
        nights.database = Database(ready_url, clock=nights.clock)
        await nights.after(0)
        await nights.database.close()
        assert await rig.ask("And its size?") == "Say more, please."
        assert "Paris" not in rig.asked[-1].whole
        assert "And its size?" in rig.asked[-1].text
