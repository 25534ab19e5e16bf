"""The cost digest on simulated Slack and Discord: the right figures, one message each, once."""

import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bot.money.amounts import dollars, to_the_cent
from bot.reports.schedule import ReportSchedule
from bot.vocabulary import ShiftedClock, SystemClock
from config.reports import ReportSettings
from sandbox.discord import Message as DiscordMessage
from sandbox.discord import SimulatedDiscord
from sandbox.slack import Visible
from storage import reports
from storage.database import Database
from storage.migrations import upgrade
from tests.slack_rig import PATIENCE_S, SlackService, slack_service
from tests.support import wait_until
from tests.warm_parley import warm_parley

PNG = b"\x89PNG\r\n\x1a\n"


def this_week() -> str:
    """The name of the week that is running."""
    year, week, _ = datetime.now(UTC).isocalendar()
    return f"{year}-W{week:02d}"


class Offices:
    """A service on Slack and Discord, with a weekly digest to a channel of each and to a person."""

    def __init__(self, rig: SlackService, discord: SimulatedDiscord) -> None:
        self.rig = rig
        self.discord = discord
        self.ada = rig.slack.world.user("ada").id
        self.to = [
            f"slack:{rig.slack.world.channel('random').id}",
            f"slack:{self.ada}",
            f"discord:{discord.world.channel('general').id}",
        ]

    def in_slack(self, channel: str = "random") -> list[Visible]:
        """The bot's messages there."""
        return [*self.rig.slack.visible(channel, by_app=True)]

    def on_discord(self) -> list[DiscordMessage]:
        """The bot's messages in the channel on Discord."""
        found = self.discord.messages("general", by=self.discord.bot)
        return [each for each in found if each.deleted_at is None and not each.loading]

    async def asked_on_discord(self) -> None:
        """Somebody asks something in a thread of the server, and is answered."""
        start = self.discord.say("Let us see.", by="ada")
        thread = self.discord.open_thread("Meeting", message=start)
        self.discord.say("And you?", by="ada", channel=thread, mention=True)
        await wait_until(
            lambda: self.discord.messages(thread, by=self.discord.bot),
            PATIENCE_S,
            what="an answer on Discord",
        )
        await self.rig.at_rest()

    async def arrived(self, count: int = 1) -> None:
        """Return once every destination has so many digests."""

        def there() -> bool:
            shown = [len(self.in_slack()), len(self.in_slack("@ada")), len(self.on_discord())]
            return shown == [count] * 3

        await wait_until(there, PATIENCE_S, what=f"{count} digests each")


@asynccontextmanager
async def offices(folder: Path, *, started: bool = True) -> AsyncIterator[Offices]:
    """Both platforms, and the service once it is connected."""
    async with SimulatedDiscord() as discord, slack_service(folder, started=False) as rig:
        place = Offices(rig, discord)
        targets = ", ".join(f'"{each}"' for each in place.to)
        (folder / "parley.toml").write_text(f'[[reports]]\nname = "weekly"\nto = [{targets}]\n')
        rig.environ |= {
            "PARLEY_CONFIG": str(folder / "parley.toml"),
            "DISCORD_TOKEN": "simulated",
            "DISCORD_API_URL": discord.api_url,
        }
        if started:
            await rig.start()
        yield place
        discord.release()


async def parley(place: Offices, *arguments: str) -> tuple[int, Any]:
    """A command of a process of its own: its exit status, and the JSON that it prints."""
    environ = {"PATH": os.environ["PATH"], **place.rig.environ}
    command = warm_parley(*arguments, "--json", directory=place.rig.folder, environ=environ)
    async with command as process:
        status = await process.end(4 * PATIENCE_S)
        out = process.out.read_text()
        assert out, process.err.read_text()
        return status, json.loads(out)


async def test_a_digest_by_hand_reaches_every_office_once(tmp_path: Path) -> None:
    """Beside the service: in each channel and with the person one message that names what the provider
    bills, with one picture; a second time nothing, and with `--again` one more, the service gone too."""
    async with offices(tmp_path) as place:
        place.rig.claude.script.always("word " * 3000)
        question = place.rig.slack.say("How are you?", mention=True)
        await place.rig.answers_to(question)
        await place.asked_on_discord()
        nanousd = place.rig.claude.bill().total_nanousd
        send = ("report", "weekly", "--period", this_week(), "--send")
        status, told = await parley(place, *send)
        assert (status, told["cost_usd"]) == (0, dollars(nanousd))
        assert [each["outcome"] for each in told["sent"]] == ["delivered"] * 3
        await place.arrived()
        total = to_the_cent(nanousd)
        for shown in (*place.in_slack(), *place.in_slack("@ada")):
            assert total in shown.text
            assert shown.text.count("Ada: $") == 2
            assert "#general: $" in shown.text
        (message,) = place.on_discord()
        assert total in message.content
        (picture,) = message.attachments
        assert picture.content.startswith(PNG)
        assert (picture.description or "").startswith("Bar chart of cost by day and model")
        status, told = await parley(place, *send)
        assert [each["outcome"] for each in told["sent"]] == ["already"] * 3
        await place.rig.stop()
        status, told = await parley(place, *send, "--again")
        assert (status, [each["outcome"] for each in told["sent"]]) == (0, ["delivered"] * 3)
        await place.arrived(2)


async def test_a_scheduled_digest_arrives(tmp_path: Path) -> None:
    """One that was due while nothing was running is sent to every office, and nobody is pinged by it."""
    async with offices(tmp_path, started=False) as place:
        await known_for_long(place.rig.environ["DATABASE_URL"], place.to)
        await place.rig.start()
        await place.arrived()
        (shown,) = place.in_slack()
        assert "$0.00" in shown.text
        assert not place.rig.slack.pings
        assert not place.discord.pings()


async def test_the_digest_of_monday_agrees_with_the_bill(tmp_path: Path) -> None:
    """Asked this week on both platforms; when Monday's nine o'clock comes, every office reads what the
    provider bills for that."""
    async with offices(tmp_path) as place:
        place.rig.claude.script.always("word " * 3000)
        question = place.rig.slack.say("How are you?", mention=True)
        await place.rig.answers_to(question)
        await place.asked_on_discord()
        bill = place.rig.claude.bill()
        assert len(bill.rows) == 2
        await place.rig.stop()
        await place.rig.start(ShiftedClock(_until_monday()))
        await place.arrived()
        total = to_the_cent(bill.total_nanousd)
        texts = [each.text for each in (*place.in_slack(), *place.in_slack("@ada"))]
        for text in (*texts, *(each.content for each in place.on_discord())):
            assert total in text
        assert place.rig.claude.bill() == bill


def _until_monday() -> timedelta:
    """A little more than to the next Monday at nine."""
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + timedelta(days=7 - now.weekday(), hours=9, seconds=5) - now


async def known_for_long(database_url: str, to: Sequence[str]) -> None:
    """The weekly report to these destinations has been configured for a month."""
    report = ReportSettings(name="weekly", to=tuple(to))
    schedule = ReportSchedule(report, operators=ZoneInfo("UTC"))
    database = Database(database_url, clock=SystemClock())
    try:
        await database.maintain(upgrade)
        keys = {schedule.key(target) for target in to}
        month_ago = datetime.now(UTC) - timedelta(days=30)
        await database.write(reports.sync_seen, keys, now=month_ago)
    finally:
        await database.close()
