"""`parley usage`: what was used and what it cost."""

import csv
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from bot.cli.database import run_plainly, settings_to_look
from bot.cli.frame import examples, json_option, print_json, print_table
from bot.cli.reconcile import reconcile
from bot.cli.times import instant

if TYPE_CHECKING:
    from config import Settings
    from storage.usage_sums import UsageReport, UsageSum

SUBJECTS = {
    "channel": "channel_key",
    "user": "person_key",
    "model": "model",
    "workspace": "workspace_key",
    "plugin": "plugin",
    "purpose": "purpose",
}

NUMBERS = ("Requests", "Input", "Output", "Cache read", "Cache write", "Cost")


@click.group(
    "usage",
    invoke_without_command=True,
    epilog=examples(
        "parley usage --since 2026-11-01",
        "parley usage --by channel",
        "parley usage --json | jq -r .cost_usd",
    ),
)
@click.option("--since", metavar="ISO", help="Count requests made at this time or later.")
@click.option("--until", metavar="ISO", help="Count requests made before this time.")
@click.option(
    "--by",
    type=click.Choice([*SUBJECTS, "day"]),
    help="What the rows are about.  [default: model]",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print the rows as CSV.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    since: str | None,
    until: str | None,
    by: str | None,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Say what was used and what it cost; it may run beside the service.

    Times are ISO 8601, such as 2026-11-01 or 2026-11-01T09:00+01:00. Without an offset they are in the
    operators' time zone, and a date alone is its midnight. Direct conversations are told as a sum.
    """
    if ctx.invoked_subcommand is not None:
        return
    settings = settings_to_look()
    zone = settings.operators.zone
    period = (instant(since, "--since", zone), instant(until, "--until", zone))
    if as_json:
        print_json(run_plainly(_as_json(settings, *period, by)))
        return
    subject = by or "model"
    usage, rows = run_plainly(_rows(settings, *period, subject))
    if as_csv:
        _print_csv(subject, rows)
    else:
        _print_table(subject, usage, rows)


command.add_command(reconcile)


async def _as_json(
    settings: "Settings", since: datetime | None, until: datetime | None, by: str | None
) -> dict[str, object]:
    from bot.money.sums import fields_of
    from bot.usage import read_usage

    usage = await read_usage(settings, since=since, until=until, columns=("channel_key", "model"))
    told: dict[str, object] = {
        **fields_of(usage.total),
        "turns": usage.turns,
        "by_channel": [
            {"channel": each.subject, **fields_of(each)} for each in usage.by["channel_key"]
        ],
        "by_model": [{"model": each.subject, **fields_of(each)} for each in usage.by["model"]],
    }
    if by is not None and f"by_{by}" not in told:
        _, rows = await _rows(settings, since, until, by)
        told[f"by_{by}"] = [{by: each.subject, **fields_of(each)} for each in rows]
    return told


async def _rows(
    settings: "Settings", since: datetime | None, until: datetime | None, by: str
) -> "tuple[UsageReport, Sequence[UsageSum]]":
    """Usage in all, and its rows."""
    from bot.usage import read_days, read_usage

    columns = (SUBJECTS[by],) if by in SUBJECTS else ()
    usage = await read_usage(settings, since=since, until=until, columns=columns)
    if not columns:
        return usage, await read_days(settings, since=since, until=until)
    return usage, usage.by[SUBJECTS[by]]


def _print_table(by: str, usage: "UsageReport", rows: "Sequence[UsageSum]") -> None:
    lines = [_row(each.subject or "-", each) for each in rows]
    print_table((by.capitalize(), *NUMBERS), [*lines, _row("Total", usage.total)], numbers=NUMBERS)
    click.echo(f"{usage.turns} turns answered.")


def _print_csv(by: str, rows: "Sequence[UsageSum]") -> None:
    """RFC 4180, costs exact; a row without a subject has an empty first cell."""
    from bot.money.sums import fields_of
    from storage.usage_sums import UsageSum

    names = list(fields_of(UsageSum(None)))
    writer = csv.writer(sys.stdout)
    writer.writerow([by, *names])
    writer.writerows([each.subject or "", *fields_of(each).values()] for each in rows)


def _row(subject: str, each: "UsageSum") -> tuple[str, ...]:
    from bot.money.amounts import dollars

    unknown = each.unknown_cost_requests
    cost = f"${dollars(each.cost_nanousd)}" + (f" + {unknown} not known" if unknown else "")
    if unknown and not each.cost_nanousd:
        cost = "not known"
    counts = (
        each.requests,
        each.usage.input_tokens,
        each.usage.output_tokens,
        each.usage.cache_read_tokens,
        each.usage.cache_write_tokens,
    )
    return (subject, *(f"{count:,}" for count in counts), cost)
