"""All commands share one manner: help that teaches, `--json`, completion, plain text in pipes."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from bot.cli import COMMANDS, invoke

CONVERSATIONS = {"run", "sandbox", "chat"}
"""What they print is not a result: they run until they are told to stop."""

SCRIPTS = {"completion"}


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by what is typed."""
    for name, entry in COMMANDS.items():
        yield from _below(name, entry.load())


def _below(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield name, command
        return
    for below, each in command.commands.items():
        yield from _below(f"{name} {below}", each)


ALL = dict(commands())


@pytest.mark.parametrize("name", ALL)
def test_help_teaches_by_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What a command does, in a sentence, and how it is called, as one would type it."""
    assert invoke([*name.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    assert ALL[name].help, name
    _, _, examples = shown.partition("Examples:\n")
    first = examples.splitlines()[0] if examples else ""
    assert f"parley {name.split()[0]}" in first, shown


@pytest.mark.parametrize("name", sorted(set(ALL) - CONVERSATIONS - SCRIPTS))
def test_every_result_can_be_had_as_json(name: str) -> None:
    """Scripts read what people read."""
    options = {option for each in ALL[name].params for option in each.opts}
    assert "--json" in options, name


def test_exit_statuses_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Help says what the numbers mean."""
    invoke(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "0 it worked, 1 it failed, 2 wrong use or wrong settings, 130 interrupted" in shown


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("parley tur", "turns"),
        ("parley turns re", "retry"),
        ("parley usage --by ch", "channel"),
        ("parley completion z", "zsh"),
    ],
)
def test_a_shell_completes_commands_options_and_values(words: str, found: str) -> None:
    """As the lines that `parley completion` prints ask for them."""
    environ = {
        "PATH": "",
        "_PARLEY_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    said = subprocess.run(
        [sys.executable, "-c", "from bot.cli import main; main()"],
        env=environ,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert f"plain,{found}" in said.stdout.splitlines(), said


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_lines_for_a_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """They name the command and the variable by which it is asked."""
    assert invoke(["completion", shell]) == 0
    said = capsys.readouterr().out
    assert "_PARLEY_COMPLETE" in said
    assert "parley" in said


def test_nothing_is_coloured_in_a_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the environment of a terminal says."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TERM", "xterm-256color")
    for arguments in (["config", "show"], ["plugin", "list"], ["doctor"]):
        invoke(arguments)
        captured = capsys.readouterr()
        assert "\x1b" not in captured.out + captured.err


def test_wrong_settings_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`config check --json` lists the problems and ends with status 2."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "parley.toml").write_text('[claude]\nmodle = "x"\n')
    assert invoke(["config", "check", "--json"]) == 2
    said = capsys.readouterr().out
    assert '"ok": false' in said
    assert "modle" in said
