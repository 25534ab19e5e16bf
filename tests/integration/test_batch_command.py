"""`parley batch`: one prompt over many items, against the simulated Claude and a real database."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.batch.errors import BatchUnusable
from bot.batch.state import StateFile
from bot.vocabulary import SystemClock
from sandbox.claude import Asked, Fault, Reply, SimulatedClaude
from storage.migrations.ready import ready_sqlite
from tests.integration.operators_desk import OperatorsDesk
from tests.support import wait_until

ITEMS = ("apples", "pears", "plums")


@pytest.fixture
async def claude() -> AsyncIterator[SimulatedClaude]:
    """A simulated Claude that says back the end of what it is asked."""
    async with SimulatedClaude() as claude:
        claude.script.always(_echo)
        yield claude


@pytest.fixture
def office(desk: OperatorsDesk, claude: SimulatedClaude) -> OperatorsDesk:
    """A desk from which that Claude can be asked, with some items."""
    desk.set(
        ANTHROPIC_API_KEY="sk-ant-simulated",
        ANTHROPIC_BASE_URL=claude.base_url,
        DATABASE_URL=ready_sqlite(desk.directory / "parley.db"),
    )
    (desk.directory / "items.txt").write_text("\n".join(ITEMS) + "\n")
    return desk


@pytest.fixture(autouse=True)
def _asks_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider's batches take minutes, and the simulated one's do not."""
    monkeypatch.setattr("bot.batch.handing_over.PAUSE_S", 0.2)
    monkeypatch.setattr("bot.batch.taking_in.FIRST_LOOK_S", 0.1)


def _echo(asked: Asked) -> str:
    return f"About {asked.question}."


def answers(desk: OperatorsDesk, name: str = "items.txt.answers.jsonl") -> list[Any]:
    """The objects of an output."""
    return [json.loads(line) for line in (desk.directory / name).read_text().splitlines()]


async def test_each_line_is_answered_in_order(
    office: OperatorsDesk, claude: SimulatedClaude
) -> None:
    """The item comes after the prompt; what it cost is said, and agrees with the bill and the ledger."""
    said = await office.parley("batch", "Say something about this:", "items.txt")
    assert said.status == 0, said.err
    found = answers(office)
    assert [each["item"] for each in found] == list(ITEMS)
    assert [each["answer"] for each in found] == [f"About {item}." for item in ITEMS]
    total = claude.bill().total_nanousd
    assert "3 answered in items.txt.answers.jsonl" in said.out
    assert f"${total / 1e9:.9f}" in said.out
    usage = await office.parley("usage", "--json")
    assert usage.json["cost_usd"] == f"{total / 1e9:.9f}"
    by_purpose = await office.parley("usage", "--by", "purpose")
    assert by_purpose.out.splitlines()[1].startswith("batch")


async def test_rows_of_a_csv_file_fill_the_fields_of_the_prompt(office: OperatorsDesk) -> None:
    """The answers are columns of a CSV file; one that looks like a formula is made harmless."""
    (office.directory / "rows.csv").write_text('name,answer\n"Ada, L.",x\nBob,"=1+1"\n')
    said = await office.parley("batch", "{{Greet}} {answer} {name}", "rows.csv", "-o", "out.csv")
    assert said.status == 0, said.err
    rows = list(csv.DictReader(io.StringIO((office.directory / "out.csv").read_text())))
    assert [row["name"] for row in rows] == ["Ada, L.", "Bob"]
    assert [row["answer_2"] for row in rows] == [
        "About {Greet} x Ada, L..",
        "About {Greet} =1+1 Bob.",
    ]
    assert {row["outcome"] for row in rows} == {"answered"}


async def test_json_values_are_items(office: OperatorsDesk, claude: SimulatedClaude) -> None:
    """Objects by their fields, anything else as a whole; text output has a line for each."""
    (office.directory / "values.jsonl").write_text(
        '{"a": [1, 2], "b": "x"}\n\n{"a": 3, "b": "y"}\n'
    )
    claude.script.next("two\nlines")
    said = await office.parley("batch", "{b}{a}", "values.jsonl", "-o", "out.txt")
    assert said.status == 0, said.err
    assert sorted((office.directory / "out.txt").read_text().splitlines())[1] == "two lines"
    asked = {each.body["messages"][0]["content"] for each in claude.requests}
    assert asked == {"x[1, 2]", "y3"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("About {name}", "items.txt"), "item 1 has no {name}; it has {item}"),
        (("x", "empty.txt"), "has 0 items"),
        (("x", "bad.jsonl"), "bad.jsonl, line 2: it is no JSON"),
        (("x", "bad.csv"), "bad.csv, line 2: it has 3 fields, and the heading has 2"),
        (("x", "items.txt", "--max-cost", "much"), "is not an amount of dollars"),
        (("@none.txt", "items.txt"), "none.txt can't be read"),
        (("x", "-"), "say with --output"),
        (("x", "items.txt", "-o", "-", "--json"), "--output - goes with"),
    ],
)
async def test_what_makes_no_sense_is_told_before_anything_is_asked(
    office: OperatorsDesk, claude: SimulatedClaude, arguments: tuple[str, ...], told: str
) -> None:
    """With status 2, and at no cost."""
    (office.directory / "empty.txt").write_text("\n \n")
    (office.directory / "bad.jsonl").write_text('{"a": 1}\n{"a": \n')
    (office.directory / "bad.csv").write_text("a,b\n1,2,3\n")
    said = await office.parley("batch", *arguments)
    assert said.status == 2
    assert told in said.err
    assert not claude.requests


async def test_one_item_that_fails_leaves_the_others_alone_and_is_asked_again(
    office: OperatorsDesk, claude: SimulatedClaude
) -> None:
    """It is named with its error; the next run asks for it alone, and the output is whole then."""
    office.write("[claude]\nmax_attempts = 1\n")
    claude.fail_next(Fault.of_status(400, message="That won't do."))
    said = await office.parley("batch", "About", "items.txt", "--parallel", "1", "--json")
    assert said.status == 1
    summary = json.loads(said.out)
    assert (summary["answered"], summary["failed"], summary["stopped"]) == (2, 1, None)
    assert answers(office)[0]["error"] == {"kind": "invalid_request", "message": "That won't do."}
    again = (await office.parley("batch", "About", "items.txt", "--json")).json
    assert (again["answered"], again["failed"]) == (3, 0)
    assert len(claude.bill().rows) == 3
    assert [each["outcome"] for each in answers(office)] == ["answered"] * 3


async def test_refused_and_cut_off_answers_are_said_to_be_that(
    office: OperatorsDesk, claude: SimulatedClaude
) -> None:
    """They are done: nothing is asked again."""
    claude.script.next(Reply.refused("cyber"), "word " * 50)
    order = (
        "batch",
        "About",
        "items.txt",
        "--parallel",
        "1",
        "--max-output-tokens",
        "20",
        "--json",
    )
    summary = (await office.parley(*order)).json
    assert (summary["answered"], summary["refused"], summary["cut_off"]) == (1, 1, 1)
    assert (await office.parley(*order)).json["requests"] == summary["requests"]
    assert len(claude.requests) == 3


async def test_equal_items_are_asked_each_for_itself(
    office: OperatorsDesk, claude: SimulatedClaude
) -> None:
    """And an item that is added later is asked alone."""
    items = office.directory / "items.txt"
    items.write_text("a\na\nb\n")
    assert (await office.parley("batch", "About", "items.txt")).status == 0
    before = len(claude.requests)
    items.write_text("new\na\na\nb\n")
    assert (await office.parley("batch", "About", "items.txt")).status == 0
    assert (before, len(claude.requests)) == (3, 4)
    assert [each["item"] for each in answers(office)] == ["new", "a", "a", "b"]


async def test_another_prompt_does_not_mix_with_what_is_there(
    office: OperatorsDesk, claude: SimulatedClaude
) -> None:
    """It is refused, unless the batch is to begin afresh."""
    assert (await office.parley("batch", "About", "items.txt")).status == 0
    said = await office.parley("batch", "Other", "items.txt")
    assert said.status == 2
    assert "--restart" in said.err
    assert (await office.parley("batch", "Other", "items.txt", "--restart")).status == 0
    assert len(claude.requests) == 6


async def test_a_batch_costs_no_more_than_it_may(
    office: OperatorsDesk, claude: SimulatedClaude
) -> None:
    """It stops before the limit, all runs together; with a higher one it goes on."""
    order = (
        "batch",
        "About",
        "items.txt",
        "--parallel",
        "2",
        "--max-output-tokens",
        "200",
        "--json",
    )
    claude.script.always("word " * 180)
    said = await office.parley(*order, "--max-cost", "0.0042")
    assert said.status == 1
    summary = json.loads(said.out)
    assert (summary["answered"], summary["left"]) == (2, 1)
    assert "--max-cost" in summary["stopped"]
    assert float(str(summary["cost_usd"])) <= 0.0042
    more = (await office.parley(*order, "--max-cost", "1")).json
    assert more["answered"] == 3
    assert more["cost_usd"] == f"{claude.bill().total_nanousd / 1e9:.9f}"


async def test_a_batch_counts_for_the_budgets(
    office: OperatorsDesk, claude: SimulatedClaude
) -> None:
    """It stops where a budget has no room, and says which and until when."""
    office.write('[[budgets]]\nscope = "global"\nperiod = "month"\nlimit_usd = 0.00001\n')
    said = await office.parley("batch", "About", "items.txt")
    assert said.status == 1
    assert "3 not asked yet" in said.out
    assert "the budget global|all|month" in said.err
    assert not claude.requests


async def test_a_batch_waits_for_room_that_it_holds_itself(
    office: OperatorsDesk, claude: SimulatedClaude
) -> None:
    """A budget with room for one item at a time is no reason to stop."""
    office.write(
        "[claude]\nmax_output_tokens = 1000\n"
        '[[budgets]]\nscope = "global"\nperiod = "month"\nlimit_usd = 0.0125\n'
    )
    claude.script.always("Yes.")
    summary = (await office.parley("batch", "About", "items.txt", "--json")).json
    assert (summary["answered"], summary["left"]) == (3, 0)


async def test_two_runs_at_once_do_not_pay_twice(
    office: OperatorsDesk, claude: SimulatedClaude
) -> None:
    """The second is turned away while the first works."""
    claude.hold()
    first = asyncio.create_task(office.parley("batch", "About", "items.txt"))
    await claude.wait_for_request(3)
    state = office.directory / "items.txt.answers.jsonl.state"
    with pytest.raises(BatchUnusable, match="another process is working"):
        StateFile(state, run="x", digest="y", clock=SystemClock())
    claude.release()
    assert (await first).status == 0


async def test_the_output_can_be_a_pipe(office: OperatorsDesk) -> None:
    """The answers alone are on stdout; what it cost is told beside."""
    said = await office.parley("batch", "About", "items.txt", "-o", "-", "--format", "text")
    assert said.status == 0
    assert said.out.splitlines() == [f"About {item}." for item in ITEMS]
    assert "3 answered. Cost: $" in said.err


async def test_the_provider_s_batches_cost_half(
    office: OperatorsDesk, claude: SimulatedClaude
) -> None:
    """The same answers in the same order; ledger and bill agree on half the price."""
    summary = (await office.parley("batch", "About", "items.txt", "--batch-api", "--json")).json
    assert (summary["answered"], summary["requests"]) == (3, 3)
    assert [each["answer"] for each in answers(office)] == [f"About {item}." for item in ITEMS]
    bill = claude.bill()
    assert [row.batch for row in bill.rows] == [True] * 3
    assert summary["cost_usd"] == f"{bill.total_nanousd / 1e9:.9f}"
    usage = (await office.parley("usage", "--json")).json
    assert usage["cost_usd"] == summary["cost_usd"]
    assert not claude.requests


async def test_what_expires_errs_or_is_cancelled_in_a_batch_is_named_and_asked_again(
    office: OperatorsDesk, claude: SimulatedClaude
) -> None:
    """It costs nothing; the next run hands over what is left."""
    claude.script.next("One.", Reply.refused("cyber"))
    claude.batches.hold(after=2)
    running = asyncio.create_task(
        office.parley("batch", "About", "items.txt", "--batch-api", "--json")
    )
    await wait_until(lambda: [len(each.results) for each in claude.batches] == [2])
    claude.expire_batches()
    said = await running
    assert said.status == 1
    summary = json.loads(said.out)
    assert (summary["answered"], summary["refused"], summary["failed"]) == (1, 1, 1)
    failed = answers(office)[2]["error"]
    assert failed["kind"] == "expired"
    claude.batches.release()
    again = (await office.parley("batch", "About", "items.txt", "--batch-api", "--json")).json
    assert (again["answered"], again["refused"], again["requests"]) == (2, 1, 3)
    assert len(claude.bill().rows) == 3


@pytest.mark.parametrize("fault", [Fault.cut(), Fault.drop()])
async def test_a_batch_whose_making_nobody_heard_of_is_found_again(
    office: OperatorsDesk, claude: SimulatedClaude, fault: Fault
) -> None:
    """Whether the provider got it or not, every item is paid once."""
    claude.fail_next(fault, model="batches")
    summary = (await office.parley("batch", "About", "items.txt", "--batch-api", "--json")).json
    assert (summary["answered"], summary["requests"]) == (3, 3)
    assert len(claude.bill().rows) == 3
    assert len(list(claude.batches)) == 1


async def test_the_provider_may_stumble_while_it_is_asked_how_far_it_is(
    office: OperatorsDesk, claude: SimulatedClaude
) -> None:
    """It is asked again, and results that broke off are read again, once each."""
    claude.batches.hold()
    running = asyncio.create_task(
        office.parley("batch", "About", "items.txt", "--batch-api", "--json")
    )
    await wait_until(lambda: claude.other_calls.get("batches.retrieve"))
    claude.fail_next(Fault.of_status(529), model="batches")
    claude.batches.release()
    await wait_until(lambda: any(each.ended_at for each in claude.batches))
    claude.fail_next(Fault.cut(1), model="batches")
    summary = (await running).json
    assert (summary["answered"], summary["requests"]) == (3, 3)
    assert summary["cost_usd"] == f"{claude.bill().total_nanousd / 1e9:.9f}"


@pytest.mark.parametrize("how", [(), ("--batch-api",)])
async def test_a_batch_is_in_the_books_of_either_database(
    office: OperatorsDesk, claude: SimulatedClaude, database_url: str, how: tuple[str, ...]
) -> None:
    """To the nano-dollar, on SQLite and on PostgreSQL."""
    office.set(DATABASE_URL=database_url)
    summary = (await office.parley("batch", "About", "items.txt", "--json", *how)).json
    assert (summary["answered"], summary["requests"]) == (3, 3)
    usage = (await office.parley("usage", "--json")).json
    assert usage["cost_usd"] == summary["cost_usd"] == f"{claude.bill().total_nanousd / 1e9:.9f}"


async def test_a_model_that_is_not_there_stops_the_batch(office: OperatorsDesk) -> None:
    """After the first item, and not after all of them."""
    said = await office.parley(
        "batch", "About", "items.txt", "--model", "claude-none", "--parallel", "1"
    )
    assert said.status == 1
    assert "3 not asked yet" in said.out
    assert "Stopped: model: claude-none" in said.err
