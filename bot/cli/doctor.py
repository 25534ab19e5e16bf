"""`parley doctor`: look at everything, name a remedy for each failure."""

import os
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.frame import (
    examples,
    json_option,
    print_json,
    print_table,
    quiet_logs,
    run_async,
    working,
)

if TYPE_CHECKING:
    from bot.vocabulary import Finding


@click.command("doctor", epilog=examples("parley doctor", "parley doctor --json | jq .ok"))
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Check credentials, models, prices, database, platforms and machine.

    Each failure comes with its remedy. Ends with status 1 if there is one.
    """
    quiet_logs()
    with working("Looking at everything"):
        findings = run_async(_examine())
    if as_json:
        print_json({"ok": not _failed(findings), "findings": [asdict(each) for each in findings]})
    else:
        _show(findings)
    ctx.exit(1 if _failed(findings) else 0)


async def _examine() -> "list[Finding]":
    from bot.app import make_adapter, open_database
    from bot.doctor import checks_of, examine, wrong_settings
    from bot.vocabulary import SystemClock
    from config import SettingsError, load_settings

    try:
        settings = load_settings(os.environ, Path.cwd())
    except SettingsError as error:
        return wrong_settings(error)
    quiet_logs(settings.secret_values())
    clock = SystemClock()
    database = open_database(settings, clock)
    make = partial(make_adapter, settings=settings, clock=clock, database=database)
    try:
        return await examine(checks_of(settings=settings, clock=clock, make_adapter=make))
    finally:
        await database.close()


def _failed(findings: "Sequence[Finding]") -> bool:
    from bot.vocabulary import Verdict

    return any(finding.verdict is Verdict.FAILURE for finding in findings)


def _show(findings: "Sequence[Finding]") -> None:
    from bot.vocabulary import Verdict

    styles = {Verdict.OK.value: "", Verdict.WARNING.value: "yellow", Verdict.FAILURE.value: "red"}
    rows = []
    for finding in findings:
        rows.append((finding.verdict.value, finding.check, finding.said))
        if finding.remedy:
            rows.append(("", "", f"→ {finding.remedy}"))
    print_table(("Result", "Check", "Found"), rows, style_of=lambda row: styles.get(row[0], ""))
