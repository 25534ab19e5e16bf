"""`parley plugin`, and a plugin of one's own made with it, from nothing to an answer."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.host.inspection import type_errors
from tests.integration.operators_desk import OperatorsDesk, Said
from tests.warm_parley import warm_parley

ROOT = Path(__file__).parents[2]
NOTHING_OF_OURS = (
    f"--ignore={ROOT / 'tests' / 'guarded'}",
    *("-p", "no:hypothesispytest"),
    *("-p", "no:unraisableexception"),  # it looks for garbage ten times
)
ODD = "from bot.plugins import Plugin\nplugin = Plugin('odd', api=1)\n"

TYPED = """\
from pydantic import BaseModel
from bot.plugins import Context, Plugin

class Settings(BaseModel):
    colour: str = "red"

plugin = Plugin("odd", api=1, settings=Settings, state=str)

@plugin.command("odd")
async def odd(ctx: Context[Settings, str]) -> str:
    'Do something odd.'
    return {use}
"""
SCRIBBLES = f"""
import contextlib, os
for descriptor in range(3, 40):
    with contextlib.suppress(OSError):
        os.write(descriptor, b"scribble")
{ODD}"""


class Installation:
    """An empty folder in which an operator works; packages are installed into `site`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = folder / "site"

    def run(self, *command: str, status: int = 0) -> str:
        """Run a command of Python's here; what it prints."""
        done = subprocess.run(
            [sys.executable, *command],
            cwd=self.folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder),
                "PYTHONPATH": f"{self.site}{os.pathsep}{ROOT}",
                "PARLEY_LOGS__LEVEL": "error",
            },
            input="",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def parley(self, *arguments: str, status: int = 0) -> str:
        """Run `parley`."""
        return self.run("-c", "from bot.cli import main; main()", *arguments, status=status)


async def check(desk: OperatorsDesk, *names: str) -> Said:
    """`parley plugin check` in a process of its own, as it forks others."""
    environ = {"PATH": os.environ["PATH"]}
    arguments = ("plugin", "check", *names)
    async with warm_parley(*arguments, directory=desk.directory, environ=environ) as process:
        status = await process.end(60)
        return Said(status, process.out.read_text(), process.err.read_text())


def with_odd(desk: OperatorsDesk, code: str) -> None:
    """Put a plugin into the folder, and have no other beside it than core."""
    file = desk.directory / "data" / "plugins" / "odd.py"
    file.parent.mkdir(parents=True)
    file.write_text(code)
    desk.write("[plugin_host]\nallow = ['core', 'odd']\n")


@pytest.fixture
def here(tmp_path: Path) -> Installation:
    """An empty folder."""
    return Installation(tmp_path)


def test_a_new_plugin_installs_is_found_passes_its_test_and_works(here: Installation) -> None:
    """What `parley plugin new` makes outside the repository is a whole plugin."""
    assert "Made parley-greeter" in here.parley("plugin", "new", "greeter")
    here.run(
        *("-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"),
        *("--target", "site", "./parley-greeter"),
    )
    listed = json.loads(here.parley("plugin", "list", "--json"))
    (greeter,) = (each for each in listed if each["name"] == "greeter")
    assert (greeter["state"], greeter["origin"]) == ("on", "parley-greeter 0.1.0")
    assert "greeter: fine (/greeter; 1 tool)" in here.parley("plugin", "check", "greeter")
    assert "1 passed" in here.run("-m", "pytest", "-q", "parley-greeter", *NOTHING_OF_OURS)
    assert "Hello, Ada!" in here.parley("sandbox", "/greeter Ada")


async def test_a_plugin_is_switched_off_and_on(desk: OperatorsDesk) -> None:
    """In the settings file, whose other lines and comments stay as they are."""
    file = desk.directory / "parley.toml"
    mine = "# mine\n[plugin_host]\nallow = ['core'] # enough\n"
    desk.write(mine)
    await desk.parley("plugin", "disable", "core")
    assert mine in file.read_text()
    listed = (await desk.parley("plugin", "list", "--json")).json
    assert {each["name"]: each["state"] for each in listed}["core"] == "off"
    await desk.parley("plugin", "enable", "core")
    assert "core: fine" in (await check(desk, "core")).out
    assert "no plugin named nobody" in (await desk.parley("plugin", "enable", "nobody")).sentence


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import nothing_of_that_name", "No module named 'nothing_of_that_name'"),
        ("import sys; sys.exit(3)", "SystemExit"),
        ("x = 1", "it has no `plugin = Plugin"),
        ("from bot.plugins import Plugin\nplugin = Plugin('other', api=1)", 'calls itself "other"'),
        ("from bot.plugins import Plugin\nplugin = Plugin('odd', api=2)", "version 2"),
        (
            f"{ODD}@plugin.command('help')\nasync def help_(ctx):\n    'Help.'\n",
            "its command /help is plugin core's",
        ),
        (
            f"{ODD}@plugin.tool()\nasync def look(ctx, where):\n    'Look.'\n",
            "its parameter where needs a type annotation",
        ),
    ],
)
async def test_a_broken_plugin_is_reported_and_skipped(
    desk: OperatorsDesk, code: str, why: str
) -> None:
    """`check` says what is wrong with which, and the others are fine."""
    with_odd(desk, code)
    said = await check(desk)
    assert (said.status, why in said.err) == (1, True)
    listed = (await desk.parley("plugin", "list", "--json")).json
    states = {each["name"]: each["state"] for each in listed}
    assert (states["odd"], states["core"]) == ("broken", "on")


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import os; os._exit(7)", "loading it ended the process with status 7"),
        (
            "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
            "loading it ended the process with status -11",
        ),
        (SCRIBBLES, "loading it writes into files that are not its own"),
        (f"print('noise')\n{ODD}", None),
    ],
)
async def test_a_plugin_is_looked_at_in_a_process_of_its_own(
    desk: OperatorsDesk, code: str, why: str | None
) -> None:
    """What would end the whole command ends there; the others are looked at all the same."""
    with_odd(desk, code)
    said = await check(desk)
    assert "core: fine" in said.out
    if why is None:
        assert (said.status, "odd: fine" in said.out) == (0, True)
    else:
        assert (said.status, f"odd: {why}" in said.err) == (1, True)


@pytest.mark.parametrize(
    ("uses", "problems"),
    [
        (("ctx.settings.colour", "ctx.state.upper()"), ()),
        (
            ("ctx.settings.color", "ctx.state.uper()"),
            ('"Settings" has no attribute "color"', '"str" has no attribute "uper"'),
        ),
    ],
)
async def test_a_wrong_context_is_seen_by_a_type_checker(
    desk: OperatorsDesk, uses: tuple[str, str], problems: tuple[str, ...]
) -> None:
    """Settings and state have their types everywhere; `check NAME` looks."""
    with_odd(desk, TYPED.format(use=" + ".join(uses)))
    said = await check(desk, "odd")
    assert (said.status, "odd: fine (/odd)" in said.out) == ((1, False) if problems else (0, True))
    told = [line for line in said.err.splitlines() if line.startswith("odd: ")]
    assert len(told) == len(problems), said.err
    for problem, line in zip(problems, told, strict=True):
        assert problem in line


async def test_types_that_could_not_be_looked_at_are_not_fine(tmp_path: Path) -> None:
    """A type checker that fails says so elsewhere than where it says what it found."""
    problems = await type_errors(tmp_path / "gone.py")
    assert problems
    assert "gone.py" in problems[0]


async def test_without_a_plugin_that_is_required_nothing_starts(desk: OperatorsDesk) -> None:
    """A guard that failed to load must not leave the door open."""
    desk.write("[plugins.odd]\nrequired = true\n")
    said = await desk.parley("sandbox", "hi")
    assert said.status == 1
    assert "plugin odd is required and can't be used: no plugin of this name" in said.err


async def test_unknown_settings_of_a_plugin_are_told(desk: OperatorsDesk) -> None:
    """With the section and the key."""
    desk.write("[plugins.core]\ncolour = 'red'\n")
    said = await check(desk)
    assert (said.status, "[plugins.core]: colour: Extra inputs" in said.err) == (1, True)
