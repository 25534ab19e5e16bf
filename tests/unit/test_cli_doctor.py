"""`parley doctor` as an operator calls it."""

import json
from pathlib import Path

import pytest

from bot.cli import invoke


@pytest.fixture(autouse=True)
def at_a_new_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty directory, with nothing set."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PARLEY_HTTP", "127.0.0.1:0")


def test_failures_are_shown_with_their_remedies(capsys: pytest.CaptureFixture[str]) -> None:
    """On a new machine the doctor says what to do first, and ends with status 1."""
    assert invoke(["doctor"]) == 1
    lines = capsys.readouterr().out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("failure  Claude"))
    assert "ANTHROPIC_API_KEY is not set" in lines[at]
    assert lines[at + 1].strip().startswith("→ Create a key at https://")


def test_json_is_one_object_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    """A script can read the findings; no log line gets between."""
    assert invoke(["doctor", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is False
    checks = {finding["check"]: finding["verdict"] for finding in told["findings"]}
    assert checks["Claude"] == "failure"
    assert checks["database"] == "ok"


def test_wrong_settings_are_findings_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With settings that can't be read, each problem is a failure with its remedy."""
    (tmp_path / "parley.toml").write_text('[claude]\nmodle = "x"\n[logs]\nlevel = "loud"\n')
    assert invoke(["doctor", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert {finding["verdict"] for finding in told["findings"]} == {"failure"}
    assert len(told["findings"]) == 2
    assert all(finding["remedy"] for finding in told["findings"])
