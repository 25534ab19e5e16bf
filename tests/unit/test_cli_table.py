"""The table of commands and the modules it names."""

import pytest

from bot.cli import COMMANDS, invoke


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_explains_itself(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each line of the table leads to a command with help of its own."""
    assert invoke([name, "--help"]) == 0
    assert f"Usage: parley {name}" in capsys.readouterr().out
