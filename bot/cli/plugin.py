"""`parley plugin`: what is installed, whether it works, switches, and a new one to start from."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.cli.frame import (
    examples,
    json_option,
    print_json,
    print_table,
    quiet_logs,
    run_async,
    settings_or_exit,
)

if TYPE_CHECKING:
    from bot.host.inspection import Inspected
    from bot.host.loading import Found, Loading
    from config import Settings

COLUMNS = ("Plugin", "State", "From", "What it adds")


@click.group("plugin")
def command() -> None:
    """Plugins: what is installed, whether it works, and a new one to start from."""


@command.command("list", epilog=examples("parley plugin list"))
@json_option
def list_plugins(as_json: bool) -> None:
    """List the plugins that are installed or in the plugin folder."""
    from bot.host.inspection import adds

    loading = _loading()
    rows = [
        *((each.name, "on", each.origin, adds(each)) for each in loading.loaded),
        *((each.name, "off", each.origin, "") for each in loading.disabled),
        *((each.name, "broken", each.origin, each.why) for each in loading.broken),
    ]
    if as_json:
        keys = ("name", "state", "origin", "adds")
        print_json([dict(zip(keys, row, strict=True)) for row in rows])
    elif rows:
        print_table(COLUMNS, rows, style_of=lambda row: "red" if row[1] == "broken" else "")
    else:
        click.echo("No plugin is installed. `parley plugin new NAME` makes one.")


@command.command("check", epilog=examples("parley plugin check", "parley plugin check remind"))
@click.argument("name", required=False)
@json_option
@click.pass_context
def check(ctx: click.Context, name: str | None, as_json: bool) -> None:
    """Load each plugin in a process of its own and look at its settings, schemas, times and names.

    With a NAME only that one, and its types as well if mypy is installed.
    """
    from bot.host.installed import found_plugins

    settings = settings_or_exit()
    quiet_logs(settings.secret_values())
    found = found_plugins(settings)
    if name is not None and name not in {*(each.name for each in found), *settings.plugins}:
        raise click.ClickException(f"no plugin named {name} is installed; see `parley plugin list`")
    findings = [
        _finding(each, with_types=each.name == name)
        for each in _inspected(found, settings)
        if name in (None, each.name)
    ]
    good = not any(each["problems"] for each in findings)
    if as_json:
        print_json({"ok": good, "plugins": findings})
    else:
        for finding in findings:
            _tell(finding)
    ctx.exit(0 if good else 1)


def _inspected(found: "Sequence[Found]", settings: "Settings") -> "list[Inspected]":
    """All plugins, and those of the settings that are not there."""
    from bot.host.inspection import Inspected, inspect_all

    inspected = inspect_all(found, settings)
    names = {each.name for each in found}
    why = "no plugin of this name is installed or allowed; look at its spelling"
    missing = [each for each in settings.plugins if each not in names]
    return [*inspected, *(Inspected(each, problems=(why,)) for each in missing)]


def _finding(each: "Inspected", *, with_types: bool) -> "dict[str, Any]":
    """What there is to say of a plugin."""
    from bot.host.inspection import type_errors

    problems, checked = each.problems, None
    if with_types and each.on and not problems:
        errors = run_async(type_errors(Path(each.folder)))
        problems, checked = tuple(errors or ()), errors is not None
    return {
        "name": each.name,
        "on": each.on,
        "adds": each.adds,
        "types_checked": checked,
        "problems": list(problems),
    }


def _tell(finding: "dict[str, Any]") -> None:
    name, problems = finding["name"], finding["problems"]
    for problem in problems:
        click.echo(f"{name}: {problem}", err=True)
    if not problems:
        unchecked = finding["types_checked"] is False
        note = "; its types were not looked at, as mypy is not installed" if unchecked else ""
        state = f"fine ({finding['adds']})" if finding["on"] else "off"
        click.echo(f"{name}: {state}{note}")


@command.command("enable", epilog=examples("parley plugin enable guard"))
@click.argument("name")
@json_option
def enable(name: str, as_json: bool) -> None:
    """Use a plugin: `enabled = true` in its section of the settings file."""
    _switch(name, on=True, as_json=as_json)


@command.command("disable", epilog=examples("parley plugin disable guard"))
@click.argument("name")
@json_option
def disable(name: str, as_json: bool) -> None:
    """Do not use a plugin: `enabled = false` in its section of the settings file."""
    _switch(name, on=False, as_json=as_json)


@command.command(
    "new", epilog=examples("parley plugin new greeter", "parley plugin new greeter --into src")
)
@click.argument("name")
@click.option(
    "--into", type=click.Path(path_type=Path, file_okay=False), default=".", show_default=True
)
@json_option
def new(name: str, into: Path, as_json: bool) -> None:
    """Make a package for a plugin, with a test that passes, in the folder parley-NAME."""
    from bot.host.scaffold import make
    from bot.plugins import PluginError

    try:
        folder = make(name, into)
    except (PluginError, OSError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        print_json({"folder": str(folder)})
        return
    click.echo(f"Made {folder}. To work on it, with Parley installed in the same environment:\n")
    python = _python()
    click.echo(f"    {python} -m pip install -e '{folder}[test]'")  # quoted, for zsh
    click.echo(f"    {python} -m pytest {folder}")
    click.echo(f"    {python.with_name('parley')} sandbox /{name.replace('_', '-')}")


def _python() -> Path:
    """The Python that Parley runs on, as one would type it here."""
    python = Path(sys.executable)
    return python.relative_to(Path.cwd()) if python.is_relative_to(Path.cwd()) else python


def _loading() -> "Loading":
    from bot.host.installed import all_plugins

    settings = settings_or_exit()
    quiet_logs(settings.secret_values())
    return all_plugins(settings)


def _switch(name: str, *, on: bool, as_json: bool) -> None:
    from bot.host.installed import found_plugins

    settings = settings_or_exit()
    if name not in {each.name for each in found_plugins(settings)}:
        raise click.ClickException(f"no plugin named {name} is installed; see `parley plugin list`")
    path = Path(os.environ.get("PARLEY_CONFIG") or "parley.toml")
    _write_switch(path, name, on=on)
    if as_json:
        print_json({"name": name, "enabled": on, "file": str(path)})
        return
    click.echo(f"{name} is {'on' if on else 'off'} in {path}; a running service must be restarted")


def _write_switch(path: Path, name: str, *, on: bool) -> None:
    """Change the one key, and leave everything else in the file as it is."""
    import tomlkit
    from tomlkit.exceptions import ParseError

    try:
        document: Any = tomlkit.parse(path.read_text() if path.exists() else "")
    except ParseError as error:
        raise click.ClickException(f"{path}: {error}") from error
    plugins = document.setdefault("plugins", tomlkit.table(is_super_table=True))
    plugins.setdefault(name, tomlkit.table())["enabled"] = on
    path.write_text(tomlkit.dumps(document))
