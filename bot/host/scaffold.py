"""A package to start a plugin from: it installs, it works, and its test passes."""

import re
from pathlib import Path

from bot.plugins import PluginError

_PROJECT = """\
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "parley-{name}"
version = "0.1.0"
description = "A plugin for Parley."
requires-python = ">=3.11"
dependencies = ["parley"]

[project.optional-dependencies]
test = ["pytest>=9", "pytest-asyncio>=1.3"]

[project.entry-points."parley.plugins"]
{name} = "parley_{name}:plugin"

[tool.hatch.build.targets.wheel]
packages = ["parley_{name}"]

[tool.pytest.ini_options]
asyncio_mode = "auto"
asyncio_default_fixture_loop_scope = "function"
"""

_CODE = '''\
"""The {name} plugin."""

from typing import Annotated

from pydantic import BaseModel, Field

from bot.plugins import Context, Plugin


class Settings(BaseModel):
    """What an operator may set in `[plugins.{name}]`."""

    greeting: str = "Hello"


plugin = Plugin("{name}", api=1, settings=Settings, summary="Greets people.")
Ctx = Context[Settings]


@plugin.command("{command}")
async def greet(ctx: Ctx, who: str = "world") -> str:
    """Greet somebody."""
    return f"{{ctx.settings.greeting}}, {{who}}!"


@plugin.tool()
async def greeting_for(
    ctx: Ctx, who: Annotated[str, Field(description="The name of a person")]
) -> str:
    """How to greet somebody here."""
    return f"{{ctx.settings.greeting}}, {{who}}!"
'''

_TEST = '''\
"""The {name} plugin, in a whole bot."""

from parley_{name} import plugin
from sandbox.testing import running


async def test_it_greets() -> None:
    """As the settings say."""
    async with running(plugin, {{"greeting": "Good day"}}) as bot:
        assert (await bot.say("/{command} Ada")).text == "Good day, Ada!"
'''

_README = """\
# parley-{name}

A plugin for [Parley]: install it where Parley is installed, and `/{command}` is there.

```toml
[plugins.{name}]
greeting = "Hello"
```

Run its tests with `pytest`.
"""


def make(name: str, into: Path) -> Path:
    """Write the package into a new folder, and return that.

    Raises:
        PluginError: the name can't be used, or the folder is there.
        OSError: it can't be written.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or len(name) > 32:
        raise PluginError(
            f'"{name}" is no name for a plugin: use at most 32 lower-case letters, digits and single '
            "underscores, a letter first"
        )
    folder = into / f"parley-{name}"
    if folder.exists():
        raise PluginError(f"{folder} is there already; choose another name, or remove it")
    command = name.replace("_", "-")
    for path, text in (
        ("pyproject.toml", _PROJECT),
        (f"parley_{name}/__init__.py", _CODE),
        (f"parley_{name}/py.typed", ""),
        (f"tests/test_{name}.py", _TEST),
        ("README.md", _README),
    ):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.format(name=name, command=command))
    return folder
