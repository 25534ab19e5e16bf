"""`parley usage`: what was used and what it cost."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import click

from bot.cli.database import run_plainly, settings_for_data
from bot.cli.frame import examples, json_option, print_json, print_table
from config import Settings
from storage.ledger import UsageSum

SUBJECTS = {
    "channel": "channel_key",
    "user": "person_key",
    "model": "model",
    "workspace": "workspace_key",
    "plugin": "plugin",
    "purpose": "purpose",
}

NUMBERS = ("Requests", "Input", "Output", "Cache read", "Cache write", "Cost")


@click.command(
    "usage",
    epilog=examples(
        "parley usage --since 2026-11-01",
        "parley usage --by channel",
        "parley usage --json | jq -r .cost_usd",
    ),
)
@click.option("--since", metavar="ISO", help="Count requests made at this time or later.")
@click.option("--until", metavar="ISO", help="Count requests made before this time.")
@click.option("--by", type=click.Choice(list(SUBJECTS)), default="model", show_default=True)
@json_option
def command(since: str | None, until: str | None, by: str, as_json: bool) -> None:
    """Say what was used and what it cost; it may run beside the service.

    Times are ISO 8601, such as 2026-11-01 or 2026-11-01T09:00+01:00. Without an offset they are in the
    operators' time zone, and a date alone is its midnight.
    """
    settings = settings_for_data()
    zone = settings.operators.zone
    period = (_instant(since, "--since", zone), _instant(until, "--until", zone))
    if as_json:
        print_json(run_plainly(_as_json(settings, *period)))
    else:
        run_plainly(_print_table(settings, *period, by))


def dollars(nanousd: int) -> str:
    """An amount of nano-dollars in dollars, exactly: nine decimals."""
    sign, amount = ("-", -nanousd) if nanousd < 0 else ("", nanousd)
    whole, fraction = divmod(amount, 10**9)
    return f"{sign}{whole}.{fraction:09d}"


def _instant(text: str | None, option: str, zone: ZoneInfo) -> datetime | None:
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
        return (instant if instant.tzinfo else instant.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        problem = f"{text!r} is not a time; write it as 2026-11-01 or 2026-11-01T09:00+01:00"
        raise click.BadParameter(problem, param_hint=option) from None


async def _as_json(
    settings: Settings, since: datetime | None, until: datetime | None
) -> dict[str, object]:
    from bot.usage import read_usage

    usage = await read_usage(settings, since=since, until=until, columns=("channel_key", "model"))
    return {
        **_fields(usage.total),
        "turns": usage.turns,
        "by_channel": [
            {"channel": each.subject, **_fields(each)} for each in usage.by["channel_key"]
        ],
        "by_model": [{"model": each.subject, **_fields(each)} for each in usage.by["model"]],
    }


async def _print_table(
    settings: Settings, since: datetime | None, until: datetime | None, by: str
) -> None:
    from bot.usage import read_usage

    column = SUBJECTS[by]
    usage = await read_usage(settings, since=since, until=until, columns=(column,))
    rows = [_row(each.subject or "-", each) for each in usage.by[column]]
    print_table((by.capitalize(), *NUMBERS), [*rows, _row("Total", usage.total)], numbers=NUMBERS)
    click.echo(f"{usage.turns} turns answered.")


def _row(subject: str, each: UsageSum) -> tuple[str, ...]:
    unknown = each.unknown_cost_requests
    cost = f"${dollars(each.cost_nanousd)}" + (f" + {unknown} not known" if unknown else "")
    counts = (
        each.requests,
        each.usage.input_tokens,
        each.usage.output_tokens,
        each.usage.cache_read_tokens,
        each.usage.cache_write_tokens,
    )
    return (subject, *(f"{count:,}" for count in counts), cost)


def _fields(each: UsageSum) -> dict[str, object]:
    return {
        "cost_usd": dollars(each.cost_nanousd),
        "requests": each.requests,
        "input_tokens": each.usage.input_tokens,
        "output_tokens": each.usage.output_tokens,
        "cache_read_tokens": each.usage.cache_read_tokens,
        "cache_write_tokens": each.usage.cache_write_tokens,
        "unknown_cost_requests": each.unknown_cost_requests,
    }
