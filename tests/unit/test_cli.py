"""The command line as people and their scripts meet it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import click
import pytest

import bot.cli
from bot.cli import COMMANDS, invoke
from bot.cli.frame import print_json, print_table, run_async, settings_or_exit

HEAVY = ("aiohttp", "anthropic", "pydantic", "rich", "sqlalchemy", "asyncio", "config", "storage")


def run_python(code: str, *, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **(env or {})},
    )


def added_command(
    monkeypatch: pytest.MonkeyPatch, command: click.Command, name: str = "probe"
) -> None:
    """Put one more line into the table of commands, for this test."""
    module = ModuleType(f"bot.cli.{name}_for_test")
    module.command = command  # type: ignore[attr-defined]  # what a command's module offers
    monkeypatch.setitem(sys.modules, module.__name__, module)
    entry = bot.cli.CommandEntry(module.__name__, "For a test.")
    monkeypatch.setattr(bot.cli, "COMMANDS", {**COMMANDS, name: entry})


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Help lists the commands with a sentence each, and explains the exit statuses."""
    assert invoke(["--help"]) == 0
    shown = capsys.readouterr().out
    for name, entry in COMMANDS.items():
        assert f"{name} " in shown
        assert entry.help in shown
    assert "Exit status: 0" in shown


def test_a_command_ends_without_a_look_for_garbage() -> None:
    """What was imported is out of the collector's sight once a command is over, so that it ends at once."""
    code = (
        "import atexit, gc; from bot.cli import main;"
        "atexit.register(lambda: print('LEFT', len(gc.get_objects())));"  # the last to be called
        "main(['--help'])"
    )
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    left = int(done.stdout.rsplit("LEFT", 1)[1])
    assert left < 100


def test_help_imports_nothing_heavy() -> None:
    """Asking for help is quick, because no command and no library behind it is imported."""
    code = (
        "import sys; from bot.cli import invoke; invoke(['--help']);"
        f"print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    assert run_python(code).stdout.endswith("HEAVY []\n")


def test_help_of_a_command_imports_nothing_heavy() -> None:
    """Nor does completing its options in a shell, which imports each command as well."""
    heavy = set(HEAVY) - {"asyncio"}
    code = (
        "import sys; from bot.cli import COMMANDS, invoke\n"
        "for each in COMMANDS: invoke([each, '--help'])\n"
        f"print('HEAVY', sorted({heavy!r} & set(sys.modules)))"
    )
    assert run_python(code).stdout.endswith("HEAVY []\n")


def test_the_version_is_the_installed_one(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` says which release runs."""
    assert invoke(["--version"]) == 0
    assert capsys.readouterr().out == f"parley {version('parley')}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["dcotor"], "Did you mean 'doctor'?"),
        (["--nonsense"], "No such option"),
        (["doctor", "--nonsense"], "No such option"),
    ],
)
def test_wrong_use_ends_with_2_and_a_hint(
    arguments: Sequence[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A misspelt command or option is told on stderr, with the status for wrong use."""
    assert invoke(arguments) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


def test_wrong_settings_are_told_plainly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake in the settings is a sentence on stderr and status 2, never a traceback."""

    @click.command
    def probe() -> None:
        settings_or_exit(tmp_path)

    (tmp_path / "parley.toml").write_text('[claude]\nmodle = "claude-sonnet-5-5"\n')
    added_command(monkeypatch, probe)
    assert invoke(["probe"]) == 2
    captured = capsys.readouterr()
    assert "modle" in captured.err
    assert "Traceback" not in captured.err


def test_other_errors_are_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect shows itself with its traceback instead of being taken for a mistake in the settings."""

    @click.command
    def probe() -> None:
        raise ZeroDivisionError

    added_command(monkeypatch, probe)
    with pytest.raises(ZeroDivisionError):
        invoke(["probe"])


@pytest.mark.parametrize("status", [0, 1, 2])
def test_a_command_chooses_its_exit_status(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ctx.exit(n)` becomes the process's status."""

    @click.command
    @click.pass_context
    def probe(ctx: click.Context) -> None:
        ctx.exit(status)

    added_command(monkeypatch, probe)
    assert invoke(["probe"]) == status


def test_ctrl_c_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupted command cleans up and ends with the shell's status for that."""
    cleaned = []

    async def work() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
            await asyncio.Event().wait()
        finally:
            cleaned.append(True)

    @click.command
    def probe() -> None:
        run_async(work())

    added_command(monkeypatch, probe)
    assert invoke(["probe"]) == 130
    assert cleaned == [True]


def test_a_closed_pipe_is_quiet() -> None:
    """`parley … | head` leaves no traceback, whether much or little was written."""
    for repeat in (1, 100_000):
        code = (
            "import os, sys, click, bot.cli\n"
            "read, write = os.pipe(); os.dup2(write, 1); os.close(read); os.close(write)\n"
            f"command = click.Command('x', callback=lambda: click.echo('text ' * {repeat}))\n"
            "bot.cli.LazyGroup.get_command = lambda *_: command\n"
            "bot.cli.main(['usage'])"
        )
        ended = run_python(code)
        assert (ended.stderr, ended.returncode) == ("", 1)


def test_json_is_exact_and_readable(capsys: pytest.CaptureFixture[str]) -> None:
    """Figures that JSON has no type for are strings; people's names stay as they are."""
    from decimal import Decimal

    print_json({"cost_usd": Decimal("0.10"), "name": "Zoë"})
    shown = capsys.readouterr().out
    assert json.loads(shown) == {"cost_usd": "0.10", "name": "Zoë"}
    assert "Zoë" in shown


def test_a_piped_table_is_plain_and_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    """In a pipe there are no colours, every row is one line, and text is shown as it is."""
    long = "word " * 100 + "[red]end[/red]"
    print_table(["check", "result"], [["a", long]], style_of=lambda _: "red")
    header, row = capsys.readouterr().out.splitlines()
    assert header.split() == ["check", "result"]
    assert row.endswith("[red]end[/red]")
    assert "\x1b" not in row
