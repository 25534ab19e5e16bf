"""`parley report`: shows a digest, and sends it by hand; `parley usage reconcile`; `parley budget`."""

from datetime import UTC, datetime

from bot.money.amounts import dollars, to_the_cent
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
