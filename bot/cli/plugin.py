"""`parley plugin`: what is installed, whether it works, switches, and a new one to start from."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.cli.frame import json_option, print_json, print_table, quiet_logs, settings_or_exit

if TYPE_CHECKING:
    from bot.host.loading import Loaded, Loading

COLUMNS = ("Plugin", "State", "From", "What it adds")


@click.group("plugin")
def command() -> None:
    """Plugins: what is installed, whether it works, and a new one to start from."""


@command.command("list")
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


@command.command("check")
@click.argument("name", required=False)
@click.pass_context
def check(ctx: click.Context, name: str | None) -> None:
    """Load plugins and look at their settings, schemas and times; NAME alone, if it is given."""
    loading = _loading()
    problems = [*_problems(loading, name)]
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


@command.command("enable")
@click.argument("name")
def enable(name: str) -> None:
    """Use a plugin: `enabled = true` in its section of the settings file."""
    _switch(name, on=True)


@command.command("disable")
@click.argument("name")
def disable(name: str) -> None:
    """Do not use a plugin: `enabled = false` in its section of the settings file."""
    _switch(name, on=False)


@command.command("new")
@click.argument("name")
@click.option(
    "--into", type=click.Path(path_type=Path, file_okay=False), default=".", show_default=True
)
def new(name: str, into: Path) -> None:
    """Make a package for a plugin, with a test that passes, in the folder parley-NAME."""
    from bot.host.scaffold import make
    from bot.plugins import PluginError

    try:
        folder = make(name, into)
    except (PluginError, OSError) as error:
        raise click.ClickException(str(error)) from error
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


def _switch(name: str, *, on: bool) -> None:
    from bot.host.installed import found_plugins

    settings = settings_or_exit()
    if name not in {each.name for each in found_plugins(settings)}:
        raise click.ClickException(f"no plugin named {name} is installed; see `parley plugin list`")
    path = Path(os.environ.get("PARLEY_CONFIG") or "parley.toml")
    _write_switch(path, name, on=on)
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
