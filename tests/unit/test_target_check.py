"""`config check` looks at what reports and operators' messages are sent to."""

from pathlib import Path

import pytest

from bot.cli import invoke

REPORT = '[[reports]]\nname = "daily"\nperiod = "day"\nto = ["{target}"]\n'


@pytest.mark.parametrize(
    "target",
    [
        "slack:C0123456789",
        "slack:T0123456789:G0123456789",
        "slack:U01",
        "discord:112233445566778899",
        "discord:112233445566778890:112233445566778899",
        "terminal:here",
    ],
)
def test_a_target_that_can_be_one(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Channels and people by their ids, with the workspace or without."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "parley.toml").write_text(REPORT.format(target=target))
    assert invoke(["config", "check"]) == 0


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (
            "slak:C0123456789",
            '"slak:C0123456789" names no platform: there is no slak here; did you mean "slack"?',
        ),
        ("irc:C1", "there is no irc here; there are discord, slack, terminal"),
        ("slack:general", "general is no id of slack; copy the id from the end of the channel's"),
        ("slack:#general", "#general is no id of slack"),
        ("slack:T01:@ada", "@ada is no id of slack"),
        ("discord:general", "general is no id of discord; copy the id from the channel's"),
        ("discord:C0123456789", "C0123456789 is no id of discord"),
    ],
)
def test_a_target_that_can_be_none(
    target: str,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The line, what is wrong and what to do, before a Monday on which nothing arrives."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "parley.toml").write_text(REPORT.format(target=target))
    assert invoke(["config", "check"]) == 2
    said = capsys.readouterr().err
    assert "parley.toml:4: reports[0].to: " in said
    assert told in said


def test_the_operators_channel_is_looked_at_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What operators are to be told would reach nobody."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "parley.toml").write_text('[operators]\nchannel = "discord:ops"\n')
    assert invoke(["config", "check"]) == 2
    assert "parley.toml:2: operators.channel: " in capsys.readouterr().err
