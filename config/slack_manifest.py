"""What the Slack app's manifest asks for, read from the file that operators paste."""

import re
from importlib.resources import files

_LIST = re.compile(r"^ *bot:\n((?: +- .+\n)+)", re.MULTILINE)
_ITEM = re.compile(r"- (\S+)")


def bot_scopes() -> tuple[str, ...]:
    """The scopes of the bot token, in the manifest's order."""
    found = _LIST.search((files("config") / "slack-manifest.yaml").read_text())
    assert found is not None, "the manifest lists the scopes one to a line, under bot:"
    return tuple(_ITEM.findall(found[1]))
