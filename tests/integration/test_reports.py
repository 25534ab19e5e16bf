"""Digests: due at their times, made from the ledger, sent once to each destination."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, select, update

from adapters.memory import Posted, Verb
from bot.money.amounts import to_the_cent
from bot.money.periods import named
from bot.ports import Capabilities, PlatformUnavailable
from bot.reporting import put_together
from bot.reports import sending
from bot.reports.schedule import ReportSchedule
from bot.reports.sending import LATE, LONGEST_RETRY, MAX_ATTEMPTS, Sent
from bot.vocabulary import SystemClock
from sandbox.testing import MovableClock
from storage import reports
from storage.ledger import ledger
from storage.reports import ReportStatus, Sending
from storage.turns import turns
from tests.engine_rig import PATIENCE_S, Rig, engine
from tests.support import wait_until

DAY_S = 86_400.0
LOOK_S = 0.02
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


@pytest.fixture(autouse=True)
def _looks_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a digest is shown is looked at after the shortest sleep, not after three seconds."""
    monkeypatch.setattr(sending, "FIRST_LOOK", timedelta(seconds=0.5))


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


@pytest.mark.parametrize("dialect", ["sqlite"])  # PostgreSQL's clock can't be moved
async def test_a_destination_that_can_not_be_reached_stops_no_other(ready_url: str) -> None:
    """The others have it at once, that one when it can be reached again; nobody has it twice."""
    clock = MovableClock()
    async with engine(ready_url, weekly("a", "b", "c"), started=False) as rig:
        await known_since(rig, clock.now() - timedelta(days=30))
        rig.platform.fail("find_channel", PlatformUnavailable("away"))
        rig.start(clock=clock)
        await wait_until(lambda: len(_with_digest(rig)) == 2, PATIENCE_S, what="two digests")
        waiting = [row for row in await planned(rig) if row.status is ReportStatus.DUE]
        assert [(row.attempts, "away" in (row.detail or "")) for row in waiting] == [(1, True)]
        await time_passes(clock, lambda: _all_shown(rig, 3), what="all of them shown")
        assert [len(digests(rig, channel)) for channel in "abc"] == [1, 1, 1]


async def time_passes(
    clock: MovableClock, until: Callable[[], Awaitable[bool]], *, what: str
) -> None:
    """Let a hundred times as much time pass as does, until something has come about."""

    async def look() -> bool:
        clock.move(100 * LOOK_S)
        return await until()

    await wait_until(look, PATIENCE_S, what=what, every_s=LOOK_S)


def _with_digest(rig: Rig) -> set[str]:
    return {channel for channel in "abc" if digests(rig, channel)}


@pytest.mark.parametrize("dialect", ["sqlite"])  # PostgreSQL's clock can't be moved
async def test_a_destination_that_never_comes_back_is_given_up(ready_url: str) -> None:
    """After most of a day of attempts operators are told, and nothing is tried any more."""
    clock = MovableClock()
    config = weekly("managers") + '[operators]\nchannel = "memory:operators"\n'
    async with engine(ready_url, config, started=False) as rig:
        await known_since(rig, clock.now() - timedelta(days=30))
        rig.platform.fail("find_channel", PlatformUnavailable("away"), times=MAX_ATTEMPTS)
        rig.start(clock=clock)
        for attempt in range(1, MAX_ATTEMPTS):
            await wait_until(partial(_attempts, rig, attempt), what=f"attempt {attempt}")
            clock.move(LONGEST_RETRY.total_seconds())
        told = await _told(rig, "I have given it up")
        assert told.startswith("The report weekly of ")
        (row,) = await planned(rig)
        assert row.status is ReportStatus.GIVEN_UP
        assert digests(rig, "managers") == []


async def _attempts(rig: Rig, count: int) -> bool:
    rows = await planned(rig)
    return bool(rows) and rows[0].attempts >= count


async def _told(rig: Rig, words: str) -> str:
    """What operators were told with these words in it."""

    def found() -> str | None:
        texts = (each.text for each in digests(rig, "operators"))
        return next((text for text in texts if words in text), None)

    text = await wait_until(found, PATIENCE_S, what=f"operators told {words!r}")
    assert text is not None
    return text


@pytest.mark.parametrize("dialect", ["sqlite"])  # PostgreSQL's clock can't be moved
async def test_a_long_outage_of_the_platform(ready_url: str) -> None:
    """A digest that could not be shown for so long that its turn was parked is shown after all, once."""
    clock = MovableClock()
    config = weekly("managers") + "[engine]\nmax_deliveries = 2\n"
    async with engine(ready_url, config, started=False) as rig:
        await known_since(rig, clock.now() - timedelta(days=30))
        rig.platform.fail("post", PlatformUnavailable("away"), times=1_000)
        rig.start(clock=clock)
        await time_passes(clock, lambda: _attempts(rig, 3), what="three more attempts")
        rig.platform.recover()
        await time_passes(clock, lambda: _all_shown(rig, 1), what="the digest shown")
        await arrives(rig, "managers")
        assert len(digests(rig, "managers")) == 1


@pytest.mark.parametrize("verb", ["find_channel", "post", "send_file"])
async def test_killed_in_the_middle_of_sending(ready_url: str, verb: Verb) -> None:
    """Wherever the process dies, the next one sends what is left: one digest, one picture."""
    config = weekly("managers") + "[engine]\nlease_s = 1.0\nheartbeat_s = 0.4\npoll_s = 0.1\n"
    async with engine(ready_url, config, started=False) as rig:
        await known_since(rig, datetime.now(UTC) - timedelta(days=30))
        fault = rig.platform.hold(verb, PlatformUnavailable("killed"))
        replica = rig.start()
        await wait_until(fault.arrived.is_set, PATIENCE_S, what=f"the {verb}")
        await replica.kill()
        rig.replicas.remove(replica)
        fault.release()
        await rig.database.write(_let_go_of_reports)  # as if its 45 s were over
        rig.start()
        await arrives(rig, "managers")
        await wait_until(lambda: _all_shown(rig, 1), 30.0, what="known to be shown")
        assert len(digests(rig, "managers")) == len(pictures(rig, "managers")) == 1


def _let_go_of_reports(connection: Connection) -> None:
    waiting = reports.reports.c.next_attempt_at
    now = datetime.now(UTC)
    connection.execute(update(reports.reports).where(waiting > now).values(next_attempt_at=now))


async def test_a_digest_sent_by_hand_is_sent_once(ready_url: str) -> None:
    """The running week can be sent at any time, by a running service; not twice, unless asked again."""
    now = datetime.now(UTC)
    async with engine(ready_url, weekly("managers")) as rig:
        await rig.ask("Hello?")
        name = week_of(now)
        sent = await _by_hand(rig, name)
        assert [each.outcome for each in sent] == ["sent"]
        shown = await arrives(rig, "managers")
        assert "so far" in shown.text
        assert [each.outcome for each in await _by_hand(rig, name)] == ["already"]
        assert [each.outcome for each in await _by_hand(rig, name, again=True)] == ["sent"]
        await arrives(rig, "managers", 2)
        (row,) = await planned(rig)
        assert (row.period, row.copies) == (f"{name} so far", 2)


async def test_a_digest_that_was_seen_is_not_looked_for_in_the_inbox(ready_url: str) -> None:
    """Sent by hand once more long after, when the inbox has forgotten it, it is said to have been sent."""
    async with engine(ready_url, weekly("managers")) as rig:
        name = week_of(datetime.now(UTC))
        (sent,) = await _by_hand(rig, name)
        await arrives(rig, "managers")
        (row,) = await planned(rig)
        await rig.database.write(reports.shown, row)
        (again,) = await _by_hand(rig, name)
        assert sent.message_key is not None
        assert (again.outcome, again.message_key) == ("already", None)


async def _by_hand(rig: Rig, week: str, *, again: bool = False) -> list[Sent]:
    """What the command does, on the platform in memory."""
    adapters = {"memory": rig.replicas[0].adapter}
    together = put_together(
        settings=rig.settings,
        database=rig.database,
        adapters=adapters,
        clock=SystemClock(),
        draw=rig.draw,
    )
    period = named(week, "week", together.schedules["weekly"].zone)
    return [
        await together.sender.send_now(
            "weekly", period, "memory:managers", by="the test", again=again
        )
    ]


async def test_a_digest_is_laid_out_where_the_platform_can(ready_url: str) -> None:
    """As one message with a card and its picture, which is described for who can't see it."""
    cards = Capabilities(max_chars=2000, cards=True)
    async with engine(ready_url, weekly("managers"), started=False, capabilities=cards) as rig:
        await known_since(rig, datetime.now(UTC) - timedelta(days=30))
        rig.start()
        await wait_until(lambda: digests(rig, "managers"), PATIENCE_S, what="the digest")
        (shown,) = digests(rig, "managers")
        assert shown.card is not None
        assert shown.card.lead in shown.text
        assert shown.picture is not None
        assert shown.picture.content.startswith(PNG)
        assert shown.picture.alt.startswith("Bar chart of cost by day and model: $0.00 in all.")
        await wait_until(lambda: _all_shown(rig, 1), 30.0, what="known to be shown")
        assert len(_said(rig, "managers")) == 1
