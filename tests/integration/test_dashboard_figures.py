"""What the dashboard says agrees with what happened and with the ledger."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import aiohttp
import pytest

from bot.money.budget_rules import BudgetRules
from bot.vocabulary import Attribution, BillableRequest, Closing, EntryStatus, ManualClock, Usage
from bot.web.costs import Costs
from bot.web.spending import FRESH_S, SpendingByDay
from config.budgets import BudgetSettings
from sandbox.claude import Fault
from storage import ledger
from storage.budgets import BudgetClaim
from storage.database import Database
from tests.engine_rig import engine
from tests.integration.test_dashboard_access import QUICK, dashboard
from tests.support import wait_until

SATURDAY = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
CENT = 10_000_000


async def spent(
    database: Database,
    at: datetime,
    nanousd: int | None,
    *,
    model: str = "claude-sonnet-5-5",
    channel: str = "slack:T1:C1",
    claims: Sequence[BudgetClaim] = (),
) -> None:
    """A request that cost so much."""
    who = Attribution("answer", channel_key=channel, person_key="slack:T1:U1")
    entry_id = f"e{at.isoformat()}{model}{channel}"
    request = BillableRequest(model, who, nanousd or 0, 10)
    await database.write(ledger.open_entry, entry_id, request, claims=claims, now=at)
    usage = Usage(input_tokens=100, output_tokens=20, cache_read_tokens=300)
    closing = Closing(entry_id, usage, EntryStatus.COMPLETED, nanousd)
    await database.write(ledger.close, closing, now=at)


class Page:
    """The costs as the page gets them, on a day in Berlin."""

    def __init__(self, url: str, budgets: Sequence[BudgetSettings] = ()) -> None:
        self.clock = ManualClock(SATURDAY)
        self.database = Database(url, clock=self.clock)
        self.spending = SpendingByDay(database=self.database, zone=BERLIN, clock=self.clock)
        self.costs = Costs(
            database=self.database,
            spending=self.spending,
            rules=BudgetRules(budgets, zone=ZoneInfo("UTC")),
        )

    async def whole(self, period: str = "month") -> dict[str, object]:
        """The figures once every day has been read."""

        async def read() -> dict[str, object] | None:
            found = await self.costs.over(period)
            return found if found["missing_days"] == 0 else None

        found = await wait_until(read, what="all days read")
        assert found is not None
        return found

    async def close(self) -> None:
        """Let go of the database."""
        await self.spending.aclose()
        await self.database.close()


async def test_days_weeks_and_months_begin_at_the_operators_midnight(ready_url: str) -> None:
    """A request half an hour before midnight in London is of the next day in Berlin."""
    page = Page(ready_url)
    for at, nanousd in (
        (SATURDAY, 1 * CENT),
        (datetime(2026, 11, 27, 23, 30, tzinfo=UTC), 2 * CENT),  # Saturday in Berlin
        (datetime(2026, 11, 23, 8, 0, tzinfo=UTC), 4 * CENT),  # Monday
        (datetime(2026, 11, 22, 22, 0, tzinfo=UTC), 8 * CENT),  # Sunday
        (datetime(2026, 10, 31, 22, 0, tzinfo=UTC), 16 * CENT),  # October
    ):
        await spent(page.database, at, nanousd)
    found = await page.whole()
    totals = found["totals"]
    assert isinstance(totals, dict)
    assert {name: Decimal(each["cost_usd"]) for name, each in totals.items()} == {
        "day": Decimal("0.03"),
        "week": Decimal("0.07"),
        "month": Decimal("0.15"),
    }
    days = {each["day"]: each["by_model"] for each in found["days"]}  # type: ignore[attr-defined]
    assert days["2026-11-28"] == {"claude-sonnet-5-5": "0.030000000"}
    assert days["2026-10-31"] == {"claude-sonnet-5-5": "0.160000000"}
    assert days["2026-11-01"] == {}
    await page.close()


async def test_a_day_that_is_over_is_read_once_and_today_again_and_again(ready_url: str) -> None:
    """What comes today is seen after some seconds; a settled day is not asked for any more."""
    page = Page(ready_url)
    await spent(page.database, SATURDAY, 1 * CENT)
    await page.whole()
    await spent(page.database, SATURDAY + timedelta(seconds=1), 2 * CENT)
    await spent(page.database, SATURDAY - timedelta(days=3), 64 * CENT)
    await page.clock.advance(FRESH_S + 1)
    found = await page.whole()
    assert found["totals"]["day"]["cost_usd"] == "0.030000000"  # type: ignore[index]
    assert found["totals"]["month"]["cost_usd"] == "0.030000000"  # type: ignore[index]
    await page.close()


async def test_usage_by_channel_and_model_with_what_is_not_known(ready_url: str) -> None:
    """The dearest first; a request without a known price is counted as such, never as free."""
    page = Page(ready_url)
    await spent(page.database, SATURDAY, 1 * CENT)
    await spent(page.database, SATURDAY, 5 * CENT, channel="slack:T1:C2")
    await spent(page.database, SATURDAY, None, model="claude-nobody-knows")
    found = await page.whole("day")
    by = found["by"]
    assert isinstance(by, dict)
    assert [(row["subject"], row["cost_usd"]) for row in by["channel"]] == [
        ("slack:T1:C2", "0.050000000"),
        ("slack:T1:C1", "0.010000000"),
    ]
    unknown = {row["subject"]: row["unknown_cost_requests"] for row in by["model"]}
    assert unknown == {"claude-sonnet-5-5": 0, "claude-nobody-knows": 1}
    assert [row["input_tokens"] for row in by["person"]] == [300]
    await page.close()


async def test_budgets_stand_with_their_limits(ready_url: str) -> None:
    """Each counter of the present period with the limit that holds for it, the fullest first."""
    budgets = [
        BudgetSettings(scope="global", period="month", limit_usd=Decimal(50)),
        BudgetSettings(scope="channel", period="day", limit_usd=Decimal(1), channel="slack:C1"),
    ]
    ends = SATURDAY + timedelta(days=1)
    claims = [
        BudgetClaim("global|all|month|2026-11-01", 50 * 10**9, ends),
        BudgetClaim("channel|slack:T1:C1|day|2026-11-28", 10**9, ends),
    ]
    page = Page(ready_url, budgets)
    await spent(page.database, SATURDAY, 7 * CENT, claims=claims)
    found = await page.whole()
    shown = {each["scope"]: each for each in found["budgets"]}  # type: ignore[attr-defined]
    assert (shown["global"]["spent_usd"], shown["global"]["limit_usd"]) == (
        "0.070000000",
        "50.000000000",
    )
    assert shown["channel"]["limit_usd"] == "1.000000000"
    await page.close()


async def test_a_budget_for_the_channels_of_a_workspace_has_its_limit(ready_url: str) -> None:
    """What holds for a channel is what the rules say, not what the page makes of them."""
    key = "channel|slack:T1:C1|month|2026-11-01"
    budget = BudgetSettings(
        scope="channel", period="month", limit_usd=Decimal(5), workspace="slack:T1"
    )
    page = Page(ready_url, [budget])
    claim = BudgetClaim(key, 5 * 10**9, SATURDAY + timedelta(days=3))
    await spent(page.database, SATURDAY, 7 * CENT, claims=[claim])
    (shown,) = (await page.whole())["budgets"]  # type: ignore[misc]
    assert shown["limit_usd"] == "5.000000000"  # type: ignore[has-type]
    await page.close()


async def test_an_unknown_period_is_not_there(ready_url: str) -> None:
    """A page that asks for a year is told so, and nothing fails."""
    async with dashboard(ready_url) as (_, browser):
        assert (await browser.get("costs?period=year"))[0] == 404


async def test_the_costs_of_answers_are_those_of_the_ledger(ready_url: str) -> None:
    """To the nano-dollar, and every answer is counted."""
    async with dashboard(ready_url) as (rig, browser):
        for name in ("one", "two"):
            await rig.ask("What is it?" + name, thread=rig.thread(name))
        _, found = await browser.get("costs?period=day")
        rows = await rig.ledger()
        assert Decimal(found["totals"]["day"]["cost_usd"]) * 10**9 == sum(
            row.cost_nanousd for row in rows
        )
        assert found["totals"]["day"]["turns"] == 2


async def test_what_is_under_way_and_what_failed(ready_url: str) -> None:
    """A running turn with its replica, and a parked one under its kind with the reference that the
    person was told."""
    async with dashboard(ready_url, config=QUICK.replace("4.0", "60.0")) as (rig, browser):
        rig.claude.fail_next(Fault.of_status(500), times=1)
        failed = await rig.end_of(rig.say("one", thread=rig.thread("1")))
        rig.claude.hold(after_chunks=1)
        rig.say("two", thread=rig.thread("2"))
        await rig.claude.wait_for_held()
        _, now = await browser.get("now")
        (running,) = now["underway"]
        assert (running["channel"], running["state"]) == (rig.thread("2").channel.key, "open")
        assert running["replica"] == now["replica"]
        (kind,) = now["failures"]
        (parked,) = now["parked"]
        assert parked["turn"] == failed.turn_id
        assert kind["references"] == [parked["reference"]]
        assert parked["reference"] in failed.text
        assert {each["outcome"]: each["count"] for each in now["outcomes"]} == {"failed": 1}
        assert [each["model"] for each in now["claude"]["models"]] == ["claude-sonnet-5-5"]
        assert now["checks"]["database"] == "ok"
        rig.claude.release()
        await rig.at_rest(rig.thread("2"))


async def test_the_way_of_a_message(ready_url: str) -> None:
    """Each stage has its time, in order, and the request its tokens and its cost."""
    async with dashboard(ready_url) as (rig, browser):
        said = rig.say("What is a lease?")
        await rig.end_of(said)
        _, way = await browser.get(f"messages/{said.key}")
        times = [
            way["stages"][name]
            for name in ("received", "claimed", "first_text", "committed", "delivered")
        ]
        assert all(times), way
        assert times == sorted(times)
        (request,) = way["requests"]
        (row,) = await rig.ledger()
        assert Decimal(request["cost_usd"]) * 10**9 == row.cost_nanousd
        assert request["output_tokens"] == row.output_tokens
        assert (await browser.get("messages/memory:home:general:never"))[0] == 404


async def test_a_database_that_is_not_there(unused_tcp_port: int) -> None:
    """The page is told in a sentence, with the status that means: later."""
    async with (
        engine(f"postgresql://me:x@127.0.0.1:{unused_tcp_port}/parley", web=True) as rig,
    ):
        url = f"{await rig.replicas[0].serving()}/dashboard/api/now"
        async with aiohttp.ClientSession() as http, http.get(url) as page:
            assert page.status == 503
            assert "database does not answer" in (await page.json())["why"]


@pytest.mark.parametrize("dialect", ["sqlite"])
async def test_the_schedule_and_the_plugins(ready_url: str) -> None:
    """Jobs and reports with their next run, and each plugin with its state."""
    report = '[[reports]]\nname = "weekly"\nto = ["slack:C0123456789"]\n'
    async with dashboard(ready_url, config=report) as (_, browser):
        _, schedule = await browser.get("schedule")
        names = [job["name"] for job in schedule["jobs"]]
        assert "report weekly to slack:C0123456789" in names
        assert {"retention", "abandoned entries"} <= {job["name"] for job in schedule["jobs"]}
        assert all(job["next"] for job in schedule["jobs"])
        _, plugins = await browser.get("plugins")
        states = {each["name"]: each["state"] for each in plugins["plugins"]}
        assert states["core"] == "healthy"
        assert states["guard"] == "off"
