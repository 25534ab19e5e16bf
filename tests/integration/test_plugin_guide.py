"""The examples in the plugin guide work as they stand there."""

import re
from pathlib import Path
from types import ModuleType
from typing import Any

from bot.plugins import Plugin
from sandbox.testing import ADMIN, running

GUIDE = Path(__file__).parents[2] / "docs" / "plugins.md"


def _examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)


def _run(*codes: str) -> dict[str, Any]:
    module = ModuleType("example")
    for code in codes:
        exec(compile(code, str(GUIDE), "exec"), module.__dict__)  # noqa: S102 - our own guide
    return module.__dict__


async def test_the_first_plugin_greets() -> None:
    """As the guide says."""
    plugin: Plugin[Any, Any] = _run(_examples()[0])["plugin"]
    async with running(plugin) as bot:
        assert (await bot.say("/hello Ada")).text == "Hello, Ada!"
        assert (await bot.say("hello")).text == "Hello, world!"


async def test_the_plugin_with_everything_works() -> None:
    """Its commands, its filter, its roles and what it tells."""
    plugin: Plugin[Any, Any] = _run(_examples()[1])["plugin"]
    async with running(plugin) as bot:
        assert (await bot.say("/weather Oslo")).text == "Oslo: sunny (metric)"
        assert (await bot.say("/weather Atlantis")).text == "There is no station in Atlantis."
        assert (await bot.say("damn rain")).text == "Please do not curse the weather."
        assert "Only admins" in (await bot.say("/forget-cities")).text
        assert (await bot.say("/forget-cities", by=ADMIN)).text == "There was none."
        assert {tool.name for tool in plugin.tools} == {"weather__forecast", "weather__seed_clouds"}


async def test_the_example_of_a_test_passes() -> None:
    """It tests the plugin of the example before it."""
    await _run(*_examples()[1:3])["test_the_weather"]()
