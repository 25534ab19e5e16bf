"""`parley config`: are the settings right, and where does each one come from?"""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from bot.cli.frame import (
    examples,
    json_option,
    print_json,
    print_table,
    quiet_logs,
    settings_or_exit,
)

if TYPE_CHECKING:
    from config import Settings


@click.group("config")
def config_group() -> None:
    """Check or show the settings."""


@config_group.command(
    "check",
    epilog=examples("parley config check", "PARLEY_CONFIG=new.toml parley config check --json"),
)
@json_option
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """Check all settings: "ok" and status 0, or a line for every problem and status 2.

    What deserves attention without being wrong is printed as a warning.
    """
    from config import SettingsError

    try:
        settings = _checked()
    except SettingsError as error:
        if not as_json:
            raise
        problems = [asdict(problem) for problem in error.problems]
        print_json({"ok": False, "problems": problems, "warnings": []})
        ctx.exit(2)
    if as_json:
        print_json({"ok": True, "problems": [], "warnings": settings.warnings})
    else:
        click.echo("ok")


def _checked() -> "Settings":
    """The settings, their plugins' sections and their targets included. Raises `SettingsError`."""
    from bot.host.settings_check import installed_problems
    from config import SettingsError

    settings = settings_or_exit()
    quiet_logs(settings.secret_values())
    if problems := installed_problems(settings):
        raise SettingsError(problems)
    return settings


@config_group.command(
    "show",
    epilog=examples("parley config show", "parley config show --json | jq '.\"claude.model\"'"),
)
@json_option
def show(as_json: bool) -> None:
    """Show every setting in force and where it comes from. Secrets are never shown."""
    from config.listing import entries

    listed = list(entries(settings_or_exit()))
    if as_json:
        values = {e.key: {"value": e.value, "source": e.origin} for e in listed}
        print_json(values)
    else:
        rows = [(e.key, _as_text(e.value), e.origin) for e in listed]
        print_table(
            ("setting", "value", "from"),
            rows,
            style_of=lambda r: "dim" if r[2] == "default" else "",
        )


@config_group.command("reference", epilog=examples("parley config reference > configuration.md"))
@json_option
def show_reference(as_json: bool) -> None:
    """Print what every setting does, as a page in Markdown."""
    from config.reference import reference

    page = reference()
    if as_json:
        print_json({"markdown": page})
    else:
        click.echo(page, nl=False)


def _as_text(value: Any) -> str:
    if value is None:
        return "not set"
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


command = config_group
