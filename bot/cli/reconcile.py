"""`parley usage reconcile`: does the ledger agree with the provider's own report?"""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from bot.cli.database import run_plainly, settings_to_look
from bot.cli.frame import examples, json_option, print_json, print_table
from bot.cli.times import instant

if TYPE_CHECKING:
    from bot.money.provider_report import Difference, ProviderReport
    from config import Settings

DAYS = 7
"""So many whole days are asked about unless said otherwise."""

_UTC = ZoneInfo("UTC")

MAX_FILE_BYTES = 200 * 1024 * 1024


@click.command(
    "reconcile",
    epilog=examples("parley usage reconcile usage.json", "parley usage reconcile --api"),
)
@click.argument(
    "files",
    nargs=-1,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE...",
)
@click.option("--api", is_flag=True, help="Fetch the reports; needs ANTHROPIC_ADMIN_KEY.")
@click.option("--since", metavar="ISO", help="The first day, with --api.")
@click.option("--until", metavar="ISO", help="The day after the last, with --api.")
@json_option
@click.pass_context
def reconcile(
    ctx: click.Context,
    files: tuple[Path, ...],
    api: bool,
    since: str | None,
    until: str | None,
    as_json: bool,
) -> None:
    """Compare the ledger with the provider's own usage and cost reports, by day (UTC) and model.

    FILE is what the Admin API's usage_report/messages or cost_report answered: a page, a list of pages,
    or one page a line. Ends with status 1 if they differ. Requests at midnight may be counted on either
    day, and what died on the way is an estimate in the ledger.
    """
    if bool(files) == api:
        raise click.UsageError("give either the files of the provider's reports, or --api")
    settings = settings_to_look()
    report = _empty(settings)
    for file in files:
        _read(file, report)
    if api:
        start = instant(since, "--since", _UTC) or _midnight() - timedelta(days=DAYS)
        run_plainly(_fetch(settings, report, start, instant(until, "--until", _UTC) or _midnight()))
    found, estimated = run_plainly(_compared(settings, report))
    if as_json:
        print_json(_fields(report, found, estimated))
    else:
        _say(report, found, estimated)
    ctx.exit(1 if found else 0)


def _empty(settings: "Settings") -> "ProviderReport":
    from bot.money.provider_report import ProviderReport

    def plain(model_id: str) -> str:
        known = settings.models.get(model_id)
        return known.id if known is not None else model_id

    return ProviderReport(plain)


def _read(file: Path, report: "ProviderReport") -> None:
    from bot.money.provider_report import NotAReport

    if file.stat().st_size > MAX_FILE_BYTES:
        raise click.ClickException(f"{file} is larger than {MAX_FILE_BYTES:,} bytes")
    try:
        text = file.read_text()
        try:
            report.add(json.loads(text))
        except ValueError:
            for line in filter(str.strip, text.splitlines()):
                report.add(json.loads(line))
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{file} is not JSON: {error}") from error
    except NotAReport as error:
        raise click.ClickException(f"{file} is not a report: {error}") from error


async def _fetch(
    settings: "Settings", report: "ProviderReport", since: datetime, until: datetime
) -> None:
    from bot.money import admin_api

    key = settings.secrets.anthropic_admin_key
    if key is None:
        raise click.ClickException(
            "ANTHROPIC_ADMIN_KEY is not set; make an Admin key in the provider's console"
        )
    try:
        await admin_api.fetch(
            report,
            base_url=settings.environment.anthropic_base_url,
            key=key.get_secret_value(),
            since=since,
            until=until,
        )
    except admin_api.ApiRefused as error:
        raise click.ClickException(str(error)) from error


async def _compared(
    settings: "Settings", report: "ProviderReport"
) -> "tuple[list[Difference], int]":
    """The differences, and how many requests of those days are estimates."""
    from bot.money.provider_report import differences
    from bot.usage import read_models
    from bot.vocabulary import Usage

    ours = await read_models(settings, sorted(report.days))
    merged: dict[tuple[date, str], tuple[Usage, int]] = {}
    for day, sums in ours.by_day.items():
        for each in sums:
            key = (day, report.model_of(each.model))
            usage, cost = merged.get(key, (Usage(), 0))
            merged[key] = (usage + each.usage, cost + each.cost_nanousd)
    return list(differences(merged, report)), ours.estimated


def _say(report: "ProviderReport", found: "list[Difference]", estimated: int) -> None:
    rows = [_row(each) for each in found]
    if rows:
        numbers = ("Ledger", "Provider", "Difference")
        print_table(("Day", "Model", "What", *numbers), rows, numbers=numbers)
    days = "1 day" if len(report.days) == 1 else f"{len(report.days)} days"
    verdict = f"{len(found)} differences" if found else "The ledger agrees with the provider"
    note = f" {estimated} requests are estimates." if estimated else ""
    click.echo(f"{verdict} over {days}.{note}")


def _row(each: "Difference") -> tuple[str, ...]:
    what, numbers = each.what, (each.ledger, each.provider, each.ledger - each.provider)
    if what.startswith("cost"):
        return (each.day.isoformat(), each.model, "cost", *(_usd(number) for number in numbers))
    return (each.day.isoformat(), each.model, what, *(f"{int(number):,}" for number in numbers))


def _usd(nanousd: Decimal) -> str:
    from bot.vocabulary import NANO_PER_DOLLAR

    return f"${nanousd / NANO_PER_DOLLAR:.9f}"


def _fields(
    report: "ProviderReport", found: "list[Difference]", estimated: int
) -> Mapping[str, Any]:
    return {
        "agrees": not found,
        "days": [day.isoformat() for day in sorted(report.days)],
        "estimated_requests": estimated,
        "differences": [
            dict(
                zip(("day", "model", "what", "ledger", "provider", "difference"), row, strict=True)
            )
            for row in map(_row, found)
        ],
    }


def _midnight() -> datetime:
    """The beginning of today, UTC."""
    from bot.vocabulary import SystemClock

    return datetime.combine(SystemClock().now().date(), time.min, tzinfo=UTC)
