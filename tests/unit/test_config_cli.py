"""`parley config check` and `parley config show`."""

import json
from pathlib import Path

import pytest

from bot.cli import invoke
from tests.unit.config_home import OperatorsHome


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OperatorsHome:
    monkeypatch.chdir(tmp_path)
    return OperatorsHome(tmp_path)


def test_check_says_ok(home: OperatorsHome, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 0 and one word."""
    assert invoke(["config", "check"]) == 0
    assert capsys.readouterr() == ("ok\n", "")


def test_check_prints_warnings_beside_ok(
    home: OperatorsHome, capsys: pytest.CaptureFixture[str]
) -> None:
    """They do not keep the bot from starting, so the status stays 0."""
    home.write(".env", "DISCORD_BOT_TOKEN=x\n")
    assert invoke(["config", "check"]) == 0
    printed = capsys.readouterr()
    assert printed.out == "ok\n"
    assert printed.err.startswith("warning: .env:1: DISCORD_BOT_TOKEN: is not read by Parley")


def test_check_prints_every_problem_and_ends_with_2(
    home: OperatorsHome, capsys: pytest.CaptureFixture[str]
) -> None:
    """On stderr, a line each, and no traceback."""
    home.write("parley.toml", "[claude]\nmodle = 1\n[limits]\nchannel_messages = 0\n")
    assert invoke(["config", "check"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        'parley.toml:2: claude.modle: is not a setting; did you mean "model"?',
        "parley.toml:4: limits.channel_messages: must be at least 1, not 0; correct it",
    ]


def test_check_looks_into_the_sections_of_plugins(
    home: OperatorsHome, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that is not there, and a value that its plugin can't use, with their lines."""
    home.write("parley.toml", "[plugins.gaurd]\n[plugins.remind]\ntimezone = 7\n")
    assert invoke(["config", "check"]) == 2
    misspelt, wrong = sorted(capsys.readouterr().err.splitlines())
    assert misspelt.startswith("parley.toml:1: plugins.gaurd: no plugin of this name is installed")
    assert wrong.startswith("parley.toml:3: plugins.remind: [plugins.remind]: timezone: ")
    assert wrong.endswith("`parley plugin check remind` says more")


def test_show_prints_each_value_with_its_source(
    home: OperatorsHome, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row each, and no secret."""
    home.write(".env", "ANTHROPIC_API_KEY=sk-ant-hush\n")
    home.write("parley.toml", "[replies]\nfooter = true\n")
    assert invoke(["config", "show"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["setting", "value", "from"] in rows
    assert ["replies.footer", "true", "parley.toml:2"] in rows
    assert ["claude.model", "claude-sonnet-5-5", "default"] in rows
    assert ["ANTHROPIC_API_KEY", "set", "(hidden)", ".env:1"] in rows
    assert ["DISCORD_TOKEN", "not", "set", "default"] in rows


def test_show_prints_json_for_scripts(
    home: OperatorsHome, capsys: pytest.CaptureFixture[str]
) -> None:
    """An object by key, with value and source."""
    home.write("parley.toml", "[limits]\nchannel_messages = 7\n")
    assert invoke(["config", "show", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["limits.channel_messages"] == {"value": 7, "source": "parley.toml:2"}
    assert shown["SLACK_BOT_TOKEN"] == {"value": "not set", "source": "default"}
