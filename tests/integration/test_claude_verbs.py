"""The simple verbs: ask, extract, map. Every request of theirs is in the books, and closed."""

import asyncio
from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Any

import pytest
from pydantic import BaseModel, Field

from bot.claude.bound import Claude
from bot.claude.errors import InvalidRequest, Overloaded
from bot.claude.extract import (
    ExtractionCutOff,
    ExtractionInvalid,
    ExtractionRefused,
    SchemaUnsuitable,
)
from bot.vocabulary import Attribution, EntryStatus
from sandbox.claude import Fault, Reply, SimulatedClaude
from tests.integration.claude_desk import SONNET, Desk, desk_at
from tests.support import wait_until


class Colour(StrEnum):
    """What it may be."""

    RED = "red"
    BLUE = "blue"


class Wheel(BaseModel):
    """A part."""

    inches: int = Field(ge=10, le=30)


class Bicycle(BaseModel):
    """What is to be extracted."""

    colour: Colour
    wheels: list[Wheel] = Field(min_length=2)
    owner: str | None = None


GOOD = {"colour": "red", "wheels": [{"inches": 26}, {"inches": 28}], "owner": None}
BAD = {"colour": "red", "wheels": [{"inches": 99}]}


@pytest.fixture
async def desk(simulated_claude: SimulatedClaude) -> AsyncIterator[Desk]:
    """A client at a simulated Claude."""
    async with desk_at(simulated_claude) as desk:
        yield desk


@pytest.fixture
def claude(desk: Desk) -> Claude:
    """The simple verbs, for one purpose."""
    return desk.client.bound(
        models=[SONNET],
        attribution=Attribution("plugin", channel_key="slack:T:C", plugin="bicycles"),
        books=desk.books,
        deadline_s=20.0,
    )


def purposes(desk: Desk) -> list[str]:
    """What the entries were made for."""
    return [entry.request.attribution.purpose for entry in desk.books.entries.values()]


async def test_ask_gives_the_whole_answer(desk: Desk, claude: Claude) -> None:
    """One call, one answer, one closed entry."""
    desk.provider.script.next(Reply("Forty-two."))
    assert (await claude.ask("What is it?")).text == "Forty-two."
    assert desk.books.statuses == [EntryStatus.COMPLETED]
    assert purposes(desk) == ["plugin"]


async def test_extract_gives_a_validated_instance(desk: Desk, claude: Claude) -> None:
    """A text and a model class in, an instance out."""
    desk.provider.script.next(Reply.of_json(GOOD))
    bicycle = await claude.extract(Bicycle, "A red bicycle with 26 and 28 inch wheels.")
    assert bicycle.colour is Colour.RED
    assert [wheel.inches for wheel in bicycle.wheels] == [26, 28]
    assert purposes(desk) == ["extract"]
    await desk.provider.wait_for_bill()
    assert desk.books.cost_nanousd == desk.provider.bill().total_nanousd


def objects_in(schema: Any) -> list[dict[str, Any]]:
    """Every schema of an object within a schema."""
    found = []
    if isinstance(schema, dict):
        found += [schema] if schema.get("type") == "object" else []
        found += [each for value in schema.values() for each in objects_in(value)]
    if isinstance(schema, list):
        found += [each for value in schema for each in objects_in(value)]
    return found


async def test_the_schema_is_one_that_the_api_takes(desk: Desk, claude: Claude) -> None:
    """Objects are closed; constraints the API can't enforce are told in words."""
    desk.provider.script.next(Reply.of_json(GOOD))
    await claude.extract(Bicycle, "x")
    schema: Any = desk.provider.requests[0].body["output_config"]["format"]["schema"]
    objects = objects_in(schema)
    assert len(objects) == 2
    assert all(each["additionalProperties"] is False for each in objects)
    inches = schema["$defs"]["Wheel"]["properties"]["inches"]
    assert "maximum" not in inches
    assert "30" in inches["description"]


async def test_a_wrong_instance_is_repaired_once(desk: Desk, claude: Claude) -> None:
    """Claude is told what is wrong, in words, and gives all of it again."""
    desk.provider.script.next(Reply.of_json(BAD), Reply.of_json(GOOD))
    assert (await claude.extract(Bicycle, "x")).wheels[1].inches == 28
    told: Any = desk.provider.requests[1].body["messages"][-1]["content"]
    assert "wheels.0.inches" in told
    assert purposes(desk) == ["extract", "extract"]
    await desk.provider.wait_for_bill(2)
    assert desk.books.cost_nanousd == desk.provider.bill().total_nanousd


@pytest.mark.parametrize("nonsense", [Reply.of_json(BAD), Reply("no JSON at all"), Reply("{")])
async def test_a_repair_that_fails_keeps_the_usage(
    desk: Desk, claude: Claude, nonsense: Reply
) -> None:
    """The error carries what all of it cost."""
    desk.provider.script.always(nonsense)
    with pytest.raises(ExtractionInvalid) as caught:
        await claude.extract(Bicycle, "x")
    assert len(desk.provider.requests) == 2
    assert caught.value.usage == desk.provider.bill().usage
    assert caught.value.cost_nanousd == desk.books.cost_nanousd > 0


async def test_a_refused_extraction_says_so(desk: Desk, claude: Claude) -> None:
    """A refusal is not mistaken for bad JSON, and not repaired."""
    desk.provider.script.next(Reply.refused("cyber"))
    with pytest.raises(ExtractionRefused) as caught:
        await claude.extract(Bicycle, "x")
    assert caught.value.usage.input_tokens > 0
    assert len(desk.provider.requests) == 1


async def test_a_cut_off_extraction_says_so(desk: Desk, claude: Claude) -> None:
    """Half a JSON object is not repaired: it would be cut off again."""
    desk.provider.script.next(Reply('{"colour": "red", "wh', stop_reason="max_tokens"))
    with pytest.raises(ExtractionCutOff):
        await claude.extract(Bicycle, "x")
    assert len(desk.provider.requests) == 1


class Anything(BaseModel):
    """A model without a particular type."""

    value: Any


async def test_a_class_without_a_schema_is_refused(desk: Desk, claude: Claude) -> None:
    """It is told before anything is sent."""
    with pytest.raises(SchemaUnsuitable, match="Anything"):
        await claude.extract(Anything, "x")
    assert desk.provider.requests == ()


async def test_an_outage_is_an_outage_for_extract_too(desk: Desk, claude: Claude) -> None:
    """No answer is not a wrong answer."""
    desk.provider.fail_next(Fault.of_status(529), times=None)
    with pytest.raises(Overloaded):
        await claude.extract(Bicycle, "x")


async def test_map_keeps_the_order_and_the_errors_apart(desk: Desk, claude: Claude) -> None:
    """Each prompt has its own result, where it stood, and progress is told after each."""
    for n in range(10):
        desk.provider.script.when(f"number {n}.", Reply(f"answer {n}"))
    desk.provider.script.when("number 3.", Reply.refused())
    seen: list[tuple[int, int]] = []
    prompts: list[Any] = [f"number {n}." for n in range(10)]
    prompts[7] = ""
    results = await claude.map(prompts, on_progress=lambda done, total: seen.append((done, total)))
    texts = [result.text if result.ok else None for result in results]
    assert texts[:3] == ["answer 0", "answer 1", "answer 2"]
    assert results[3].unwrap().is_refusal
    assert texts[8:] == ["answer 8", "answer 9"]
    assert not results[7].ok
    with pytest.raises(InvalidRequest):
        results[7].unwrap()
    assert seen == [(n, 10) for n in range(1, 11)]
    assert EntryStatus.OPEN not in desk.books.statuses
    assert set(purposes(desk)) == {"map"}


async def test_a_budget_that_ends_during_a_map_is_each_items_own_error(
    desk: Desk, claude: Claude
) -> None:
    """What was answered before stays answered."""
    budget = RuntimeError("the budget is used up")

    def stop_at_two(done: int, _total: int) -> None:
        desk.books.refusal = budget if done >= 2 else None

    results = await claude.map([f"{n}" for n in range(40)], on_progress=stop_at_two)
    errors = [result.error for result in results if not result.ok]
    assert 0 < len(errors) < 40
    assert set(map(id, errors)) == {id(budget)}


async def test_a_cancelled_map_cancels_all_of_it(desk: Desk, claude: Claude) -> None:
    """Nothing goes on behind the back of a caller who went away."""
    desk.provider.hold()
    mapping = asyncio.ensure_future(claude.map([f"{n}" for n in range(30)]))
    await desk.provider.wait_for_request(8)
    mapping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await mapping
    await wait_until(lambda: EntryStatus.OPEN not in desk.books.statuses)
    assert desk.client.admission.free == 10


async def test_an_empty_map_is_empty(desk: Desk, claude: Claude) -> None:
    """Nothing asked, nothing answered, nothing owed."""
    assert await claude.map([]) == []
    assert desk.books.entries == {}
