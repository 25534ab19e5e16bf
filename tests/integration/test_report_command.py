"""`parley report`: shows a digest, and sends it by hand; `parley usage reconcile`; `parley budget`."""

import csv
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from sqlalchemy import Connection, select, update

from bot.money.amounts import dollars, to_the_cent
from config.budgets import BudgetSettings
from storage.ledger import ledger
from tests.engine_rig import engine
from tests.integration.operators_desk import OperatorsDesk

PNG = b"\x89PNG\r\n\x1a\n"


def this_week() -> str:
    """The name of the week that is running."""
    year, week, _ = datetime.now(UTC).isocalendar()
    return f"{year}-W{week:02d}"


async def test_the_running_week_as_people_and_scripts_read_it(
    ready_url: str, desk: OperatorsDesk
) -> None:
    """Beside the service: the total is what the provider bills, the picture goes into a file, and the
    default report is there without a word in the settings."""
    desk.set(DATABASE_URL=ready_url)
    async with engine(ready_url) as rig:
        rig.claude.script.always("word " * 2000)
        await rig.ask("One?", thread=rig.thread("1", channel="general"))
        await rig.ask("Two?", thread=rig.thread("2", channel="random"))
        await rig.ask("Three?", thread=rig.thread("3", channel="D1", direct=True))
        nanousd = rig.claude.bill().total_nanousd
        read = await desk.parley("report", "weekly", "--period", this_week(), "--png", "week.png")
        told = (await desk.parley("report", "weekly", "--period", this_week(), "--json")).json
    assert f"**{to_the_cent(nanousd)}** so far" in read.out
    assert "Direct messages: $" in read.out
    assert "D1" not in read.out
    assert (desk.directory / "week.png").read_bytes().startswith(PNG)
    assert (told["cost_usd"], told["turns"], told["so_far"]) == (dollars(nanousd), 3, True)
    assert {row["channel"] for row in told["by_channel"]} == {
        "memory:home:general",
        "memory:home:random",
        "direct messages",
    }


async def test_the_last_whole_week_is_shown_unless_asked_otherwise(
    database_url: str, desk: OperatorsDesk
) -> None:
    """Before anything was used there is a digest of nothing, and asking makes no file."""
    desk.set(DATABASE_URL=database_url)
    read = await desk.parley("report")
    assert read.status == 0
    assert "**$0.00**. " in read.out
    assert (await desk.parley("report", "--json")).json["cost_usd"] == "0.000000000"
    assert list(desk.directory.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("report", "monthly"), "there is no report monthly; there are: weekly"),
        (("report", "--send"), "has no destination"),
        (("report", "--period", "2026-11"), "'2026-11' is not a week; write it as 2026-W47"),
        (("report", "--period", "2026-W60"), "'2026-W60' is not a week; write it as 2026-W47"),
    ],
)
async def test_what_can_not_be_shown(
    arguments: tuple[str, ...], told: str, database_url: str, desk: OperatorsDesk
) -> None:
    """A name, a period or a destination that is missing is told in a sentence."""
    desk.set(DATABASE_URL=database_url)
    said = await desk.parley(*arguments)
    assert said.status in (1, 2)
    assert told in said.err


BUDGET = '[[budgets]]\nscope = "channel"\nperiod = "month"\nlimit_usd = 0.05\n'


async def test_budgets_are_listed_raised_and_reset(ready_url: str, desk: OperatorsDesk) -> None:
    """Beside the service; what was done is listed with who did it."""
    desk.set(DATABASE_URL=ready_url)
    desk.write(BUDGET)
    async with engine(ready_url, BUDGET) as rig:
        await rig.ask("Hello?")
        nanousd = rig.claude.bill().total_nanousd
        name = "channel/memory:home:general/month"
        (before,) = (await desk.parley("budget", "list", "--json")).json["budgets"]
        assert (before["budget"], before["spent_usd"]) == (name, dollars(nanousd))
        assert (await desk.parley("budget", "raise", "general", "2.50")).status == 0
        assert (await desk.parley("budget", "reset", name)).status == 0
        told = (await desk.parley("budget", "list", "--json")).json
        wrong = await desk.parley("budget", "raise", "nothing", "1")
        read = await desk.parley("budget")
    (after,) = told["budgets"]
    assert (after["limit_usd"], after["raised_usd"]) == ("2.550000000", "2.500000000")
    assert after["spent_usd"] == "0.000000000"
    assert [(each["action"], each["amount_usd"]) for each in told["changes"]] == [
        ("reset", dollars(nanousd)),
        ("raise", "2.500000000"),
    ]
    assert all(each["by"].startswith("command line, ") for each in told["changes"])
    assert "there is no budget nothing" in wrong.sentence
    assert f"{name}  raise $2.500000000  by command line, " in read.out


async def test_a_budget_counts_what_was_spent_before_it(ready_url: str) -> None:
    """One that comes into force in the middle of its period begins with what the ledger says."""
    async with engine(ready_url, "[claude]\nmax_output_tokens = 3000\n") as rig:
        rig.claude.script.always("word " * 2000)
        await rig.ask("Hello?")
        await rig.stop_service()
        limit = Decimal(rig.claude.bill().total_nanousd + 2 * 10**7) / 10**9
        budget = BudgetSettings(scope="channel", period="month", limit_usd=limit)
        rig.settings = rig.settings.model_copy(update={"budgets": (budget,)})
        rig.start()
        assert (await rig.end_of(rig.say("More?"))).outcome == "over_budget"
        elsewhere = rig.say("And here?", thread=rig.thread("1", channel="elsewhere"))
        assert (await rig.end_of(elsewhere)).outcome == "answered"


async def _reports(claude_url: str, group: str, path: str, **more: str) -> dict[str, Any]:
    """What the provider's Admin API says of today."""
    now = datetime.now(UTC)
    query = {
        "starting_at": f"{now:%Y-%m-%d}T00:00:00Z",
        "group_by[]": group,
        **more,
    }
    headers = {"x-api-key": "sk-ant-admin01-test", "anthropic-version": "2023-06-01"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{claude_url}/v1/organizations/{path}", params=query) as response,
    ):
        read: dict[str, Any] = await response.json()
    return read


async def test_the_ledger_agrees_with_the_providers_report(
    ready_url: str, desk: OperatorsDesk
) -> None:
    """By files and by the API, both of its reports; an entry that was changed is found."""
    desk.set(DATABASE_URL=ready_url)
    async with engine(ready_url) as rig:
        for name in ("1", "2"):
            await rig.ask(f"What is {name}?", thread=rig.thread(name))
        url = rig.claude.base_url
        usage = await _reports(url, "model", "usage_report/messages")
        costs = await _reports(url, "description", "cost_report")
        desk.write_text("usage.json", json.dumps(usage))
        desk.write_text("costs.jsonl", "\n".join(json.dumps(costs) for _ in range(1)))
        told = (await desk.parley("usage", "reconcile", "usage.json", "costs.jsonl", "--json")).json
        assert (told["agrees"], told["differences"]) == (True, [])
        desk.set(ANTHROPIC_BASE_URL=url, ANTHROPIC_ADMIN_KEY="sk-ant-admin01-test")
        tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
        by_api = ("usage", "reconcile", "--api", "--until", tomorrow)
        said = await desk.parley(*by_api)
        assert (said.status, said.out) == (0, "The ledger agrees with the provider over 8 days.\n")
        await rig.database.write(_one_more_token)
        said = await desk.parley(*by_api)
    assert said.status == 1
    rows = [line.split() for line in said.out.splitlines()]
    assert rows[1][1:] == ["claude-sonnet-5-5", "output", "tokens", *rows[1][4:6], "1"]
    assert "1 differences over 8 days." in said.out


def _one_more_token(connection: Connection) -> None:
    (first,) = connection.execute(select(ledger.c.id).limit(1)).one()
    more = update(ledger).where(ledger.c.id == first)
    connection.execute(more.values(output_tokens=ledger.c.output_tokens + 1))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--api",), "ANTHROPIC_ADMIN_KEY is not set"),
        ((), "give either the files of the provider's reports, or --api"),
        (("letter.txt",), "letter.txt is not JSON"),
        (("other.json",), "other.json is not a report: it has no list"),
    ],
)
async def test_a_report_that_is_none(
    arguments: tuple[str, ...], told: str, database_url: str, desk: OperatorsDesk
) -> None:
    """What is missing or can't be read is told in a sentence."""
    desk.set(DATABASE_URL=database_url)
    desk.write_text("letter.txt", "Dear operator,")
    desk.write_text("other.json", '{"answer": 42}')
    said = await desk.parley("usage", "reconcile", *arguments)
    assert said.status in (1, 2)
    assert told in said.err
    assert "Traceback" not in said.err


async def test_an_ordinary_key_is_no_admin_key(ready_url: str, desk: OperatorsDesk) -> None:
    """The provider's refusal is told, with what to look at, and without the key."""
    async with engine(ready_url) as rig:
        desk.set(DATABASE_URL=ready_url, ANTHROPIC_BASE_URL=rig.claude.base_url)
        desk.set(ANTHROPIC_ADMIN_KEY="sk-ant-api03-ordinary")
        said = await desk.parley("usage", "reconcile", "--api")
    assert "the Admin API answered 401" in said.sentence
    assert "is ANTHROPIC_ADMIN_KEY an Admin key?" in said.sentence
    assert "ordinary" not in said.err


async def test_usage_by_day_and_as_csv(ready_url: str, desk: OperatorsDesk) -> None:
    """A row a day in the operators' time zone, and rows that a spreadsheet reads, exact."""
    desk.set(DATABASE_URL=ready_url)
    async with engine(ready_url) as rig:
        await rig.ask("Hello?")
        await rig.ask("And here?", thread=rig.thread("2", channel="D1", direct=True))
        nanousd = rig.claude.bill().total_nanousd
        by_day = (await desk.parley("usage", "--by", "day", "--json")).json["by_day"]
        rows = list(
            csv.DictReader((await desk.parley("usage", "--by", "day", "--csv")).out.splitlines())
        )
        channels = (await desk.parley("usage", "--by", "channel", "--csv")).out
    today = datetime.now(UTC).date().isoformat()
    assert [(row["day"], row["cost_usd"]) for row in by_day] == [(today, dollars(nanousd))]
    assert [(row["day"], row["requests"]) for row in rows] == [(today, "2")]
    assert "direct messages," in channels
    assert "D1" not in channels
