"""What operators are told at once: budgets that are nearly used up, and days that cost far too much."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from bot.reporting import put_together
from bot.reports.anomaly_watch import AnomalyWatch
from bot.vocabulary import SystemClock
from storage.ledger import ledger
from tests.engine_rig import PATIENCE_S, Rig, engine
from tests.support import wait_until


def told(rig: Rig) -> list[str]:
    """What stands in the operators' channel."""
    key = rig.thread(channel="operators").channel.key
    shown = (each for each in rig.platform.posted.values() if not each.deleted)
    return [each.text for each in shown if each.thread.channel.key == key]


async def hears(rig: Rig, words: str) -> str:
    """What operators are told with these words in it, once they are."""

    def found() -> str | None:
        return next((text for text in told(rig) if words in text), None)

    text = await wait_until(found, PATIENCE_S, what=f"operators told {words!r}")
    assert text is not None
    return text


BUDGET = """
[claude]
max_output_tokens = 2100
[operators]
channel = "memory:operators"
[[budgets]]
scope = "channel"
period = "month"
limit_usd = 0.05
"""


async def test_operators_are_told_once_that_a_budget_is_nearly_used_up(ready_url: str) -> None:
    """At 80 %, and when there is no room: each once, after a restart too."""
    async with engine(ready_url, BUDGET) as rig:
        rig.claude.script.always("word " * 2000)
        for number in range(2):
            await rig.ask(f"question {number}?", thread=rig.thread(str(number)))
        assert told(rig) == []
        rig.claude.script.always("word " * 100)
        await rig.ask("a short one?", thread=rig.thread("2"))
        said = await rig.end_of(rig.say("more?", thread=rig.thread("3")))
        assert said.outcome == "over_budget"
        full = await hears(rig, "has no room for more")
        assert full.startswith("The budget of the channel general for this month has no room")
        assert "`/budget raise channel/memory:home:general/month AMOUNT` adds to it." in full
        await hears(rig, "is nearly used up")
        await rig.stop_service()
        rig.start()
        await rig.end_of(rig.say("and now?", thread=rig.thread("4")))
        assert len(told(rig)) == 2


async def test_an_odd_day_is_told_at_once(ready_url: str) -> None:
    """A day and a channel far above their normal are told to operators, once, and stand in the digest."""
    config = '[operators]\nchannel = "memory:operators"\nanomalies = true\n'
    async with engine(ready_url, config) as rig:
        now = datetime.now(UTC)
        await rig.database.write(_many_days, now, 30, usual_nanousd=2 * 10**9)
        await rig.database.write(_one_day, now, nanousd=30 * 10**9)
        watch = _watch(rig)
        for _ in range(2):
            await watch.look(now)
        day = await hears(rig, "Today has cost $30.00 so far, 15.0 times a usual day.")
        channel = await hears(rig, "general has cost $30.00 today so far")
        assert day != channel
        assert len(told(rig)) == 2


def _watch(rig: Rig) -> AnomalyWatch:
    adapters = {"memory": rig.replicas[0].adapter}
    return put_together(
        settings=rig.settings, database=rig.database, adapters=adapters, clock=SystemClock()
    ).anomaly_watch


def _many_days(connection: Connection, now: datetime, days: int, *, usual_nanousd: int) -> None:
    for number in range(1, days + 1):
        _one_day(connection, now - timedelta(days=number), nanousd=usual_nanousd)


def _one_day(connection: Connection, moment: datetime, *, nanousd: int) -> None:
    connection.execute(
        ledger.insert().values(
            id=f"made-{moment.isoformat()}",
            opened_at=moment,
            closed_at=moment,
            status="completed",
            purpose="answer",
            model="claude-sonnet-5-5",
            workspace_key="memory:home",
            channel_key="memory:home:general",
            cost_nanousd=nanousd,
        )
    )
