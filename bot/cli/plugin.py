"""`parley plugin`: what is installed, whether it works, switches, and a new one to start from."""

import os
from pathlib import Path
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
    from bot.host.loading import Loaded, Loading

COLUMNS = ("Plugin", "State", "From", "What it adds")


@click.group("plugin")
def command() -> None:
    """Plugins: what is installed, whether it works, and a new one to start from."""


@command.command("list", epilog=examples("parley plugin list"))
@json_option
def list_plugins(as_json: bool) -> None:
    """List the plugins that are installed or in the plugin folder."""
    loading = _loading()
    rows = [
        *((each.name, "on", each.origin, _adds(each)) for each in loading.loaded),
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
    """Load plugins and look at their settings, schemas and times; NAME alone, if it is given."""
    loading = _loading()
    problems = [*_problems(loading, name)]
    if as_json:
        found = [{"name": plugin, "why": why} for plugin, why in problems]
        print_json({"ok": not problems, "problems": found})
        ctx.exit(1 if problems else 0)
    for plugin, why in problems:
        click.echo(f"{plugin}: {why}", err=True)
    known = {each.name for each in loading.loaded} | {each.name for each in loading.disabled}
    if name is not None and not problems and name not in known:
        raise click.ClickException(f"no plugin named {name} is installed; see `parley plugin list`")
    if problems:
        ctx.exit(1)
    for each in loading.loaded:
        if name in (None, each.name):
            click.echo(f"{each.name}: fine ({_adds(each)})")


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
    click.echo(f"    pip install -e {folder}[test]\n    pytest {folder}\n    parley chat /{name}")


def _loading() -> "Loading":
    from bot.host.installed import all_plugins

    settings = settings_or_exit()
    quiet_logs(settings.secret_values())
    return all_plugins(settings)


def _problems(loading: "Loading", name: str | None) -> list[tuple[str, str]]:
    from bot.host.cron import trigger_of
    from bot.plugins import PluginError

    found = [(each.name, each.why) for each in loading.broken if name in (None, each.name)]
    for each in loading.loaded:
        for job in each.plugin.jobs:
            try:
                trigger_of(job.cron, settings_or_exit().operators.zone)
            except PluginError as error:
                found.append((each.name, str(error)))
    return found


def _adds(loaded: "Loaded") -> str:
    plugin = loaded.plugin
    counted = (
        ("/" + ", /".join(each.name for each in plugin.commands) if plugin.commands else ""),
        _count(len(plugin.tools), "tool"),
        _count(len(plugin.filters), "filter"),
        _count(len(plugin.jobs), "job"),
        _count(len(plugin.adapters), "platform"),
    )
    return "; ".join(each for each in counted if each) or "nothing yet"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}" if number else ""


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
