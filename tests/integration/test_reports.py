"""Digests: due at their times, made from the ledger, sent once to each destination."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, select, update

from adapters.memory import Posted
from bot.money.amounts import to_the_cent
from bot.reports.schedule import ReportSchedule
from bot.reports.sending import LATE
from sandbox.testing import MovableClock
from storage import reports
from storage.ledger import ledger, turns
from storage.reports import ReportStatus, Sending
from tests.engine_rig import PATIENCE_S, Rig, engine
from tests.support import wait_until

DAY_S = 86_400.0
PNG = b"\x89PNG\r\n\x1a\n"

WEEKLY = """
[[reports]]
name = "weekly"
time = "09:00"
to = [{to}]
"""


def weekly(*to: str) -> str:
    """Settings of a weekly digest to these destinations."""
    return WEEKLY.format(to=", ".join(f'"memory:{each}"' for each in to))


def digests(rig: Rig, channel: str) -> list[Posted]:
    """What the bot said of its own accord in a channel, files aside."""
    return [each for each in _said(rig, channel) if each.file is None]


def pictures(rig: Rig, channel: str) -> list[bytes]:
    """The pictures that it sent there."""
    return [each.file.content for each in _said(rig, channel) if each.file is not None]


def _said(rig: Rig, channel: str) -> list[Posted]:
    key = rig.thread(channel=channel).channel.key
    shown = (each for each in rig.platform.posted.values() if not each.deleted)
    return [each for each in shown if each.thread.channel.key == key and each.thread.is_new]


async def arrives(rig: Rig, channel: str, count: int = 1) -> Posted:
    """The last digest in a channel, once there are so many with their pictures."""
    await wait_until(
        lambda: len(digests(rig, channel)) == len(pictures(rig, channel)) == count,
        PATIENCE_S,
        what=f"{count} digests in {channel}",
    )
    return digests(rig, channel)[-1]


def last_monday(now: datetime) -> datetime:
    """The last Monday at nine."""
    day = (now - timedelta(days=now.weekday())).date()
    nine = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
    return nine if nine <= now else nine - timedelta(days=7)


def move_to(clock: MovableClock, moment: datetime) -> None:
    """Let it be that moment."""
    clock.move((moment - clock.now()).total_seconds())


async def planned(rig: Rig) -> Sequence[Sending]:
    """What stands in the table of reports."""
    return await rig.database.read(reports.all_of, "weekly")


def week_of(moment: datetime) -> str:
    """Its name."""
    year, week, _ = moment.isocalendar()
    return f"{year}-W{week:02d}"


async def known_since(rig: Rig, since: datetime) -> None:
    """The configured reports have been there since then, although nothing was running."""
    zone = rig.settings.operators.zone
    keys = {
        ReportSchedule(report, operators=zone).key(target)
        for report in rig.settings.reports
        for target in report.to
    }
    await rig.database.write(reports.sync_seen, {"nothing"}, now=since)
    await rig.database.write(reports.sync_seen, keys, now=since)


async def put_back(rig: Rig, days: float) -> None:
    """Everything that has happened so far happened so many days earlier."""
    await rig.database.write(_put_back, timedelta(days=days))


def _put_back(connection: Connection, by: timedelta) -> None:
    for rows, columns in ((ledger, ["opened_at"]), (turns, ["opened_at", "first_text_at"])):
        for row in connection.execute(select(rows)).all():
            moved = {name: getattr(row, name) - by for name in columns if getattr(row, name)}
            connection.execute(update(rows).where(rows.c.id == row.id).values(**moved))


async def spent_last_week(rig: Rig, answers: int = 3) -> str:
    """Answer some questions, put them back by a week, and stop; what the provider billed for them."""
    rig.claude.script.always("word " * 3000)
    for number in range(answers):
        await rig.ask(f"question {number}?", thread=rig.thread(str(number)))
    await rig.stop_service()
    now = datetime.now(UTC)
    wednesday = last_monday(now) - timedelta(days=4)
    await put_back(rig, (now - wednesday).total_seconds() / DAY_S)
    return to_the_cent(rig.claude.bill().total_nanousd)


@pytest.mark.parametrize("dialect", ["sqlite"])  # PostgreSQL's clock can't be moved
async def test_the_digest_of_last_week_arrives(ready_url: str) -> None:
    """At nine on Monday it names, to the cent, what the provider billed for the week, in one message with
    one picture; a week later the next one says that nothing was spent."""
    clock = MovableClock()
    async with engine(ready_url, weekly("managers"), started=False) as rig:
        rig.start(clock=clock)
        rig.claude.script.always("word " * 3000)
        for number in range(3):
            await rig.ask(f"question {number}?", thread=rig.thread(str(number)))
        asked_at = clock.now()
        billed = to_the_cent(rig.claude.bill().total_nanousd)
        move_to(clock, last_monday(asked_at) + timedelta(days=7, seconds=1))
        shown = await arrives(rig, "managers")
        assert f"**{billed}**" in shown.text
        assert week_of(asked_at) in shown.text
        assert "Answers: 3" in shown.text
        assert f"general: {billed}" in shown.text
        assert pictures(rig, "managers")[0].startswith(PNG)
        clock.move(7 * DAY_S)
        shown = await arrives(rig, "managers", 2)
        assert "**$0.00**, 100 % less than the week before" in shown.text


async def test_a_missed_run_is_made_up_for(ready_url: str) -> None:
    """A digest that was due while nothing was running is sent at the next start, and says that it is late;
    of several missed runs only the last."""
    async with engine(ready_url, weekly("managers")) as rig:
        billed = await spent_last_week(rig)
        now = datetime.now(UTC)
        await known_since(rig, now - timedelta(days=30))
        rig.start()
        shown = await arrives(rig, "managers")
        due = last_monday(now)
        late = f"Late: it was due on Monday, {due.day} {due:%B}, at 09:00."
        if now - due > LATE:
            assert late in shown.text
        assert f"**{billed}**" in shown.text
        assert f"general: {billed}" in shown.text
        (sent,) = await planned(rig)
        assert sent.period == week_of(due - timedelta(days=7))


async def test_nothing_is_sent_for_the_time_before_it_was_configured(ready_url: str) -> None:
    """A report that has just been configured is due next time, however long ago the last time was."""
    async with engine(ready_url, weekly("managers")) as rig:
        await rig.ask("Are you there?")
        await wait_until(lambda: rig.database.read(reports.seen_since), what="the report seen")
        assert await planned(rig) == []
        assert digests(rig, "managers") == []


async def test_a_destination_that_comes_back_is_new(ready_url: str) -> None:
    """What is taken out of the settings is forgotten: put back, it is due next time."""
    async with engine(ready_url, weekly("managers"), started=False) as rig:
        await known_since(rig, datetime.now(UTC) - timedelta(days=30))
        await rig.database.write(reports.sync_seen, {"another"}, now=datetime.now(UTC))
        rig.start()
        await rig.ask("Are you there?")
        await wait_until(lambda: rig.database.read(_is_seen, "managers"), what="the report seen")
        assert await planned(rig) == []


def _is_seen(connection: Connection, word: str) -> bool:
    return any(word in key for key in reports.seen_since(connection))


async def test_two_replicas_send_it_once(ready_url: str) -> None:
    """Whichever gets there first sends it; every destination hears it once."""
    async with engine(ready_url, weekly("managers", "finance"), started=False) as rig:
        await known_since(rig, datetime.now(UTC) - timedelta(days=30))
        for _ in range(3 if "postgresql" in ready_url else 1):
            rig.start()
        for channel in ("managers", "finance"):
            await arrives(rig, channel)
        await wait_until(lambda: _all_shown(rig, 2), 60.0, what="both known to be shown")
        for channel in ("managers", "finance"):
            assert len(digests(rig, channel)) == len(pictures(rig, channel)) == 1


async def _all_shown(rig: Rig, count: int) -> bool:
    rows = await planned(rig)
    return [row.status for row in rows] == [ReportStatus.SHOWN] * count
