"""`parley report`: shows a cost digest, or sends it."""

import getpass
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.cli.database import run_plainly, settings_for_data
from bot.cli.frame import examples, json_option, print_json
from bot.vocabulary import SystemClock
from config import Settings
from config.reports import ReportSettings

if TYPE_CHECKING:
    from bot.money.periods import Period
    from bot.reporting import Reporting
    from bot.reports.figures import Figures
    from bot.reports.sending import Sent
    from storage.database import Database
    from storage.usage import Share


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
    png: Path | None,
    as_json: bool,
) -> None:
    """Show the digest of a report of the settings, or send it; it may run beside the service.

    With --send it is put into the inbox, each destination's once. A running service shows it; where
    none runs, this command does.
    """
    settings = settings_for_data()
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
    sent: list[Sent] = []
    shown = True
    if send:
        sent, shown = run_plainly(_send(settings, report, wanted, again=again))
    if as_json:
        print_json({**figures, **({"sent": [_told(each) for each in sent]} if send else {})})
    elif not send:
        click.echo(text)
    else:
        _say(sent)
    ctx.exit(0 if shown and all(each.outcome != "waiting" for each in sent) else 1)


def _report(settings: Settings, name: str) -> ReportSettings:
    found = {each.name: each for each in settings.reports}
    if name not in found:
        raise click.ClickException(f"there is no report {name}; there are: {', '.join(found)}")
    return found[name]


def _period(settings: Settings, report: ReportSettings, name: str | None) -> "Period":
    from bot.money import periods

    zone = report.zone(settings.operators.zone)
    if name is None:
        today = SystemClock().now().astimezone(zone).date()
        return periods.before(periods.around(today, report.period, zone), report.period)
    try:
        return periods.named(name, report.period, zone)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--period") from None


async def _digest(
    settings: Settings, report: ReportSettings, period: "Period", *, with_picture: bool
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
        return _fields(report, figures), digest.text, picture


async def _opened(settings: Settings, stack: AsyncExitStack) -> "Database":
    """The database; where there is none yet an empty one, which is not kept."""
    from storage import migrations
    from storage.database import Database
    from storage.migrations.start import bring_up_to_date

    database = Database(settings.environment.database_url, clock=SystemClock())
    stack.push_async_callback(database.close)
    there = database.file is None or database.file.exists()
    if there and await database.read(migrations.current) is not None:
        await database.read(migrations.require_head)
        return database
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    empty = Database(f"sqlite:///{folder}/empty.db", clock=SystemClock())
    stack.push_async_callback(empty.close)
    await bring_up_to_date(empty)
    return empty


async def _reporting(
    settings: Settings, database: "Database", stack: AsyncExitStack
) -> "Reporting":
    from bot.app import service_adapters
    from bot.reporting import put_together

    clock = SystemClock()
    adapters = service_adapters(settings, clock, database)
    for adapter in adapters.values():
        stack.push_async_callback(adapter.aclose)
    return put_together(settings=settings, database=database, adapters=adapters, clock=clock)


async def _send(
    settings: Settings, report: ReportSettings, period: "Period", *, again: bool
) -> "tuple[list[Sent], bool]":
    from bot.showing import Showing
    from storage.database import Database
    from storage.migrations.start import bring_up_to_date

    database = Database(settings.environment.database_url, clock=SystemClock())
    await bring_up_to_date(database)
    await database.close()
    showing = Showing(settings=settings, clock=SystemClock())
    by = f"command line, {getpass.getuser()}"
    sent = await showing.send(report.name, period, report.to, by=by, again=again)
    keys = [each.message_key for each in sent if each.outcome == "sent" and each.message_key]
    return sent, await showing.shown(keys) if keys else True


def _say(sent: "list[Sent]") -> None:
    for each in sent:
        match each.outcome:
            case "sent":
                click.echo(f"{each.destination}: sent")
            case "already":
                click.echo(f"{each.destination}: was sent before; --again sends it once more")
            case "waiting":
                click.echo(f"{each.destination}: not sent yet: {each.why}", err=True)


def _told(each: "Sent") -> dict[str, str]:
    told = {"to": each.destination, "outcome": each.outcome}
    return {**told, "why": each.why} if each.why else told


def _fields(report: ReportSettings, figures: "Figures") -> dict[str, Any]:
    from bot.money.amounts import dollars

    used, month = figures.used, figures.month
    return {
        "report": report.name,
        "period": figures.period.name,
        "since": figures.period.since.isoformat(),
        "until": figures.period.until.isoformat(),
        "so_far": figures.so_far,
        "cost_usd": dollars(used.cost_nanousd),
        "cost_before_usd": (
            None if figures.before_nanousd is None else dollars(figures.before_nanousd)
        ),
        "unknown_cost_requests": used.unknown_cost_requests,
        "requests": used.requests,
        "turns": figures.turns.answered,
        "failed": figures.turns.failed,
        "turned_away": figures.turns.turned_away,
        "fallbacks": figures.turns.fallbacks,
        "first_text_s": figures.turns.first_text_s,
        "input_tokens": used.usage.input_tokens,
        "output_tokens": used.usage.output_tokens,
        "cache_read_tokens": used.usage.cache_read_tokens,
        "cache_write_tokens": used.usage.cache_write_tokens,
        "saved_usd": dollars(used.saved_nanousd),
        "month": {
            "name": month.period.name,
            "cost_usd": dollars(month.spent_nanousd),
            "forecast_usd": dollars(month.forecast_nanousd),
            "budget_usd": None if month.limit_nanousd is None else dollars(month.limit_nanousd),
        },
        "by_day": [
            {"day": day.isoformat(), "cost_usd": dollars(sum(figures.days[day].values()))}
            for day in figures.period.days
        ],
        "by_channel": [{"channel": each.subject, **_share(each)} for each in figures.channels],
        "by_person": (
            [{"person": each.subject, **_share(each)} for each in figures.people]
            if report.people
            else []
        ),
        "by_model": [
            {"model": each.model, "cost_usd": dollars(each.cost_nanousd), "requests": each.requests}
            for each in used.by_model
        ],
        "unusual": [
            *(
                {"day": each.day.isoformat(), **_unusual(each.cost)}
                for each in figures.unusual_days
            ),
            *(
                {"channel": each.channel_key, **_unusual(each.cost)}
                for each in figures.unusual_channels
            ),
        ],
    }


def _share(each: "Share") -> dict[str, Any]:
    from bot.money.amounts import dollars

    return {
        "cost_usd": dollars(each.cost_nanousd),
        "requests": each.requests,
        "unknown_cost_requests": each.unknown_cost_requests,
    }


def _unusual(cost: Any) -> dict[str, str]:
    from bot.money.amounts import dollars

    return {"cost_usd": dollars(cost.cost_nanousd), "usual_usd": dollars(cost.usual_nanousd)}
