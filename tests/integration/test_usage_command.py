"""`parley usage`: what was used and what it cost, as scripts and people read it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from bot.vocabulary import Thread
from sandbox.claude import BillStatus, Fault, Reply
from sandbox.claude.bill import BillRow
from tests.engine_rig import Rig, engine
from tests.integration.operators_desk import OperatorsDesk

NOTHING: dict[str, Any] = {
    "cost_usd": "0.000000000",
    "requests": 0,
    "turns": 0,
    "input_tokens": 0,
    "output_tokens": 0,
    "cache_read_tokens": 0,
    "cache_write_tokens": 0,
    "unknown_cost_requests": 0,
    "by_channel": [],
    "by_model": [],
}
KOLKATA = timezone(timedelta(hours=5, minutes=30))


def billed(rows: Sequence[BillRow]) -> dict[str, Any]:
    """What the command must say of these requests, by the provider's own bill."""
    nanousd = sum(row.cost_nanousd for row in rows)
    return {
        "cost_usd": f"{nanousd // 10**9}.{nanousd % 10**9:09d}",
        "requests": len(rows),
        "input_tokens": sum(row.usage.input_tokens for row in rows),
        "output_tokens": sum(row.usage.output_tokens for row in rows),
        "cache_read_tokens": sum(row.usage.cache_read_tokens for row in rows),
        "cache_write_tokens": sum(row.usage.cache_write_tokens for row in rows),
        "unknown_cost_requests": 0,
    }


async def ask(rig: Rig, text: str, thread: Thread) -> BillRow:
    """Ask, and return what the provider billed for the answer."""
    before = len(rig.claude.bill().rows)
    await rig.ask(text, thread=thread)
    (row,) = rig.claude.bill().rows[before:]
    return row


async def requested_at(rig: Rig, row: BillRow) -> datetime:
    """When the service made the request."""
    (entry,) = [each for each in await rig.ledger() if each.request_id == row.request_id]
    opened_at: datetime = entry.opened_at
    return opened_at.astimezone(UTC)


async def test_the_object_that_scripts_read(ready_url: str, desk: OperatorsDesk) -> None:
    """Beside the running service: exactly these keys, to the nano-dollar what the provider bills."""
    desk.set(DATABASE_URL=ready_url)
    async with engine(ready_url) as rig:
        general, random = rig.thread("1", channel="general"), rig.thread("2", channel="random")
        rig.claude.script.next("Paris. " * 50, "Two million.", Reply.refused("cyber"))
        asked = [
            await ask(rig, "The capital of France?", general),
            await ask(rig, "Its size?", general),
            await ask(rig, "How do I break in?", random),
        ]
        assert asked[-1].status is BillStatus.REFUSED
        told = (await desk.parley("usage", "--json")).json
    assert told == {
        **billed(asked),
        "turns": 3,
        "by_channel": [
            {"channel": general.channel.key, **billed(asked[:2])},
            {"channel": random.channel.key, **billed(asked[2:])},
        ],
        "by_model": [{"model": "claude-sonnet-5-5", **billed(asked)}],
    }


@pytest.mark.parametrize("dialect", ["sqlite"])
async def test_a_refusal_costs_what_the_provider_charges_for_it(
    ready_url: str, desk: OperatorsDesk
) -> None:
    """Before any text only some kinds of refusal are billed, after some text all; each is a turn."""
    desk.set(DATABASE_URL=ready_url)
    async with engine(ready_url) as rig:
        rig.claude.script.next(
            Reply.refused("cyber"), Reply.refused("bio"), Reply.refused("cyber", after="Well,")
        )
        rows = [await ask(rig, text, rig.thread(text)) for text in ("one?", "two?", "three?")]
        assert [row.cost_nanousd > 0 for row in rows] == [False, True, True]
        told = (await desk.parley("usage", "--json")).json
    assert told["cost_usd"] == billed(rows)["cost_usd"]
    assert told["turns"] == 3


async def test_an_answer_that_is_still_being_written(ready_url: str, desk: OperatorsDesk) -> None:
    """Its request counts at once, its turn when it is answered."""
    desk.set(DATABASE_URL=ready_url)
    async with engine(ready_url) as rig:
        rig.claude.hold(after_chunks=1)
        question = rig.say("Count.")
        await rig.claude.wait_for_held()
        running = (await desk.parley("usage", "--json")).json
        rig.claude.release()
        await rig.end_of(question)
        ended = (await desk.parley("usage", "--json")).json
    assert (running["requests"], running["turns"]) == (1, 0)
    assert (ended["requests"], ended["turns"]) == (1, 1)


@pytest.mark.parametrize("dialect", ["sqlite"])
async def test_an_answer_that_died_counts_as_far_as_it_came(
    ready_url: str, desk: OperatorsDesk
) -> None:
    """The stream breaks and the question is asked again: two requests, one turn, and the output that
    had come is estimated."""
    desk.set(DATABASE_URL=ready_url)
    async with engine(ready_url) as rig:
        rig.claude.script.always("one two three four five six seven eight nine ten " * 10)
        rig.claude.fail_next(Fault.cut(5))
        await rig.ask("Count.")
        whole = rig.claude.bill().of(BillStatus.COMPLETED).usage
        told = (await desk.parley("usage", "--json")).json
    assert (told["requests"], told["turns"]) == (2, 1)
    assert told["input_tokens"] + told["cache_read_tokens"] + told["cache_write_tokens"] == (
        2 * whole.prompt_tokens
    )
    assert whole.output_tokens < told["output_tokens"] < 2 * whole.output_tokens


@pytest.mark.parametrize("dialect", ["sqlite"])
async def test_a_request_that_was_turned_away_costs_nothing(
    ready_url: str, desk: OperatorsDesk
) -> None:
    """What the provider refused before any work is no request in the books."""
    desk.set(DATABASE_URL=ready_url)
    async with engine(ready_url) as rig:
        rig.claude.fail_next(Fault.of_status(529))
        await rig.ask("Are you there?")
        told = (await desk.parley("usage", "--json")).json
    assert told["requests"] == len(rig.claude.bill().rows) == 1


async def test_a_period_goes_by_the_time_of_the_request(
    ready_url: str, desk: OperatorsDesk
) -> None:
    """`--since` takes in that very instant, `--until` leaves it out, whatever the offset."""
    desk.set(DATABASE_URL=ready_url)
    async with engine(ready_url) as rig:
        first = await ask(rig, "The capital of France?", rig.thread())
        second = await ask(rig, "Its size?", rig.thread())
        border = await requested_at(rig, second)
        for instant in (border, border.astimezone(KOLKATA)):
            since = (await desk.parley("usage", "--json", "--since", instant.isoformat())).json
            until = (await desk.parley("usage", "--json", "--until", instant.isoformat())).json
            assert since["cost_usd"] == billed([second])["cost_usd"]
            assert until["cost_usd"] == billed([first])["cost_usd"]
        both = ("--since", border.isoformat(), "--until", border.isoformat())
        assert (await desk.parley("usage", "--json", *both)).json == NOTHING


@pytest.mark.parametrize("dialect", ["sqlite"])
async def test_a_time_without_an_offset_is_the_operators(
    ready_url: str, desk: OperatorsDesk
) -> None:
    """In Kolkata it is five and a half hours later than in London when their clocks show the same."""
    desk.set(DATABASE_URL=ready_url)
    desk.write('[operators]\ntimezone = "Asia/Kolkata"\n')
    async with engine(ready_url) as rig:
        await rig.ask("The capital of France?")
    local = datetime.now(KOLKATA).replace(tzinfo=None)
    earlier = (local - timedelta(minutes=30)).isoformat()
    later = (local + timedelta(minutes=30)).isoformat()
    assert (await desk.parley("usage", "--json", "--since", earlier)).json["requests"] == 1
    assert (await desk.parley("usage", "--json", "--since", later)).json == NOTHING


@pytest.mark.parametrize("dialect", ["sqlite"])
async def test_people_read_a_table(ready_url: str, desk: OperatorsDesk) -> None:
    """A row for each subject, the total below, and how many turns that were."""
    desk.set(DATABASE_URL=ready_url)
    async with engine(ready_url) as rig:
        await rig.ask("The capital of France?")
        cost = billed(rig.claude.bill().rows)["cost_usd"]
    for by, subject in (
        ("channel", "memory:home:general"),
        ("user", "memory:home:U1"),
        ("model", "claude-sonnet-5-5"),
    ):
        said = await desk.parley("usage", "--by", by)
        lines = said.out.splitlines()
        assert lines[0].split()[0] == by.capitalize()
        assert [lines[1].split()[0], lines[1].split()[-1]] == [subject, f"${cost}"]
        assert [lines[2].split()[0], lines[2].split()[-1]] == ["Total", f"${cost}"]
        assert lines[3] == "1 turns answered."


async def test_before_the_first_start_nothing_was_used(
    database_url: str, desk: OperatorsDesk
) -> None:
    """An empty database, or none, has seen no request; asking makes no file."""
    desk.set(DATABASE_URL=database_url)
    assert (await desk.parley("usage", "--json")).json == NOTHING
    assert list(desk.directory.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    [
        "usage",
        "usage --json",
        "usage --by day",
        "report",
        "report --json",
        "turns",
        "turns list --json",
    ],
)
async def test_a_look_where_no_database_is_says_so(command: str, desk: OperatorsDesk) -> None:
    """Nothing was used yet, which is an answer; but perhaps the path is mistyped. No file is made."""
    desk.set(DATABASE_URL="sqlite:///data/parlay.db")
    said = await desk.parley(*command.split())
    assert said.status == 0
    assert f"There is no database at {desk.directory / 'data' / 'parlay.db'} yet" in said.err
    assert "set DATABASE_URL" in said.err
    assert list(desk.directory.iterdir()) == []


@pytest.mark.parametrize("command", ["budget", "budget raise global/all/day 1"])
async def test_without_a_database_there_are_no_budgets(command: str, desk: OperatorsDesk) -> None:
    """What is not there, where it was looked for and what to do is said; and no file is made."""
    desk.set(DATABASE_URL="sqlite:///data/parlay.db")
    said = (await desk.parley(*command.split())).sentence
    assert f"there is no database at {desk.directory / 'data' / 'parlay.db'}; see that" in said
    assert list(desk.directory.iterdir()) == []


async def test_where_nothing_can_be_kept_nobody_can_talk(desk: OperatorsDesk) -> None:
    """A conversation that can't begin says which folder it is about and what to look at."""
    desk.set(DATABASE_URL="sqlite:////dev/null/parley.db", ANTHROPIC_API_KEY="sk-ant-simulated")
    said = (await desk.parley("chat")).sentence
    assert "nothing can be kept in /dev/null: " in said
    assert "see that DATABASE_URL is right" in said


async def test_a_folder_is_no_database(desk: OperatorsDesk) -> None:
    """A path that ends too early is told too."""
    desk.set(DATABASE_URL=f"sqlite:///{desk.directory}")
    assert "is a folder; name a file in DATABASE_URL" in (await desk.parley("usage")).sentence


@pytest.mark.parametrize("option", ["--since", "--until"])
@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "0001-01-01T00:00+05:00", ""])
async def test_a_time_that_is_none(option: str, text: str, desk: OperatorsDesk) -> None:
    """What can't be read as a time is said, with an example, and ends with the status of wrong use."""
    said = await desk.parley("usage", "--json", option, text)
    assert (said.status, said.out) == (2, "")
    assert f"{option}: {text!r} is not a time; write it as 2026-11-01" in said.err


async def test_a_server_that_is_away(desk: OperatorsDesk, unused_tcp_port: int) -> None:
    """It is told in a sentence, without the password."""
    desk.set(DATABASE_URL=f"postgresql://me:hunter2@127.0.0.1:{unused_tcp_port}/parley")
    said = await desk.parley("usage", "--json")
    assert "the database can't be used" in said.sentence
    assert "see that DATABASE_URL is right" in said.sentence
    assert "hunter2" not in said.err


async def test_a_file_that_is_no_database(desk: OperatorsDesk, tmp_path: Path) -> None:
    """Something else under the database's name is told in a sentence too."""
    (tmp_path / "letter.db").write_text("Dear operator, " * 100)
    desk.set(DATABASE_URL="sqlite:///letter.db")
    assert "not a database" in (await desk.parley("usage")).sentence
