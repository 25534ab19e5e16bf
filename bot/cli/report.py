"""`parley report`: shows a cost digest, or sends it."""

import getpass
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.cli.database import run_plainly, settings_to_look
from bot.cli.frame import examples, json_option, print_json
from bot.cli.report_fields import fields_of

if TYPE_CHECKING:
    from bot.money.periods import Period
    from bot.reporting import Reporting
    from bot.reports.sending import Sent
    from bot.showing import Shown
    from config import Settings
    from config.reports import ReportSettings
    from storage.database import Database

SENTENCES = {
    "delivered": "delivered",
    "on_its_way": "still being delivered; a running service goes on with it",
    "refused": "refused; --again tries anew",
    "waiting": "not sent yet",
    "already": "was sent before; --again sends it once more",
}
"""What is said of a target, by what became of its report."""


@dataclass(frozen=True, slots=True)
class Told:
    """A target, what became of its report, and why."""

    to: str
    outcome: str
    why: str = ""

    @property
    def failed(self) -> bool:
        """People there don't see it, and nobody is at it."""
        return self.outcome in ("refused", "waiting")

    @property
    def fields(self) -> dict[str, str]:
        """As JSON has it."""
        told = {"to": self.to, "outcome": self.outcome}
        return {**told, "why": self.why} if self.why else told


@click.command(
    "report",
    epilog=examples(
        "parley report weekly",
        "parley report weekly --period 2026-W47 --png digest.png",
        "parley report weekly --send",
    ),
)
@click.argument("name", default="weekly")
@click.option(
    "--period",
    metavar="NAME",
    help="Such as 2026-W47, 2026-11 or 2026-11-23, the running one too; else the last whole one.",
)
@click.option("--send", is_flag=True, help="Send it to the report's destinations now.")
@click.option("--again", is_flag=True, help="Send it even where it was sent before.")
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=10.0,
    metavar="SECONDS",
    show_default=True,
    help="How long to watch a running service deliver it.",
)
@click.option(
    "--png", type=click.Path(dir_okay=False, path_type=Path), help="Write the picture to a file."
)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    name: str,
    period: str | None,
    send: bool,
    again: bool,
    wait: float,
    png: Path | None,
    as_json: bool,
) -> None:
    """Show the digest of a report of the settings, or send it; it may run beside the service.

    With --send it is put into the inbox, each destination's once. A running service shows it; where
    none runs, this command does. Each destination is told with what became of it; the status is 1 if
    one refused it, or can't be reached.
    """
    settings = settings_to_look()
    report = _report(settings, name)
    wanted = _period(settings, report, period)
    if send and not report.to:
        raise click.ClickException(
            f'the report {name} has no destination; set to = ["slack:C01"] in [[reports]]'
        )
    figures, text, picture = run_plainly(
        _digest(settings, report, wanted, with_picture=png is not None)
    )
    if png is not None and picture is not None:
        png.write_bytes(picture)
    sent = (
        run_plainly(_send(settings, report, wanted, again=again, within_s=wait), "Sending")
        if send
        else []
    )
    if as_json:
        print_json({**figures, **({"sent": [each.fields for each in sent]} if send else {})})
    elif send:
        _say(sent)
    else:
        click.echo(text)
    ctx.exit(1 if any(each.failed for each in sent) else 0)


def _report(settings: "Settings", name: str) -> "ReportSettings":
    found = {each.name: each for each in settings.reports}
    if name not in found:
        raise click.ClickException(f"there is no report {name}; there are: {', '.join(found)}")
    return found[name]


def _period(settings: "Settings", report: "ReportSettings", name: str | None) -> "Period":
    from bot.money import periods
    from bot.vocabulary import SystemClock

    zone = report.zone(settings.operators.zone)
    if name is None:
        today = SystemClock().now().astimezone(zone).date()
        return periods.before(periods.around(today, report.period, zone), report.period)
    try:
        return periods.named(name, report.period, zone)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--period") from None


async def _digest(
    settings: "Settings", report: "ReportSettings", period: "Period", *, with_picture: bool
) -> tuple[dict[str, Any], str, bytes | None]:
    """The figures, the words and the picture."""
    from bot.reports.picture import draw

    async with AsyncExitStack() as stack:
        database = await _opened(settings, stack)
        reporting = await _reporting(settings, database, stack)
        now = database.now()
        digest, figures = await reporting.maker.both(report, period, now=now)
        picture = await draw(digest.drawing) if with_picture else None
        if with_picture and picture is None:
            raise click.ClickException("the picture could not be drawn")
        return fields_of(report, figures), digest.text, picture


async def _opened(settings: "Settings", stack: AsyncExitStack) -> "Database":
    """The database; where there is none yet an empty one, which is not kept."""
    from bot.vocabulary import SystemClock
    from storage import migrations
    from storage.database import Database
    from storage.migrations.start import bring_up_to_date

    database = Database(settings.environment.database_url, clock=SystemClock())
    stack.push_async_callback(database.close)
    if database.has_file and await database.read(migrations.current) is not None:
        await database.read(migrations.require_head)
        return database
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    empty = Database(f"sqlite:///{folder}/empty.db", clock=SystemClock())
    stack.push_async_callback(empty.close)
    await bring_up_to_date(empty)
    return empty


async def _reporting(
    settings: "Settings", database: "Database", stack: AsyncExitStack
) -> "Reporting":
    from bot.app import service_adapters
    from bot.reporting import put_together
    from bot.vocabulary import SystemClock

    clock = SystemClock()
    adapters = service_adapters(settings, clock, database)
    for adapter in adapters.values():
        stack.push_async_callback(adapter.aclose)
    return put_together(settings=settings, database=database, adapters=adapters, clock=clock)


async def _send(
    settings: "Settings",
    report: "ReportSettings",
    period: "Period",
    *,
    again: bool,
    within_s: float,
) -> list[Told]:
    """Put it into the inbox for each target, and see what becomes of it."""
    from bot.showing import Showing
    from bot.vocabulary import SystemClock
    from storage.database import Database
    from storage.migrations.start import bring_up_to_date

    database = Database(settings.environment.database_url, clock=SystemClock())
    await bring_up_to_date(database)
    await database.close()
    showing = Showing(settings=settings, clock=SystemClock())
    by = f"command line, {getpass.getuser()}"
    sent = await showing.send(report.name, period, report.to, by=by, again=again)
    keys = [each.message_key for each in sent if each.message_key]
    shown = await showing.shown(keys, within_s=within_s) if keys else {}
    return [_told(each, shown) for each in sent]


def _say(sent: "Sequence[Told]") -> None:
    """A line for each target; what did not work goes to stderr."""
    for each in sent:
        line = f"{each.to}: {SENTENCES[each.outcome]}"
        click.echo(f"{line}: {each.why}" if each.why else line, err=each.failed)


def _told(each: "Sent", shown: "Mapping[str, Shown]") -> Told:
    """What became of it in the end; one that was sent before may have been refused since."""
    if each.message_key is None:
        why = each.why.removeprefix(f"{each.destination}: ")  # the line begins with it
        return Told(each.destination, each.outcome, why)
    end = shown[each.message_key]
    before = each.outcome == "already" and end.outcome == "delivered"
    return Told(each.destination, "already" if before else end.outcome, end.why)
