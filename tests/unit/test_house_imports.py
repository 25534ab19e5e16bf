"""Importing a module does nothing that anyone could notice, and does not import what is seldom needed."""

import pkgutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]
ROOMS = ["bot", "adapters", "storage", "config", "plugins", "sandbox"]
SCRIPTS = (".__main__", ".migrations.env")

IMPORTS_ALL = """
import contextlib, gc, importlib, io, sys
gc.disable()  # a quarter of the time would go into looking for garbage

def notice(event, args):
    if event in {"socket.__new__", "subprocess.Popen", "sqlite3.connect", "os.mkdir", "os.putenv"}:
        print(module, "did", event, args)
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        print(module, "wrote", args[0])

sys.dont_write_bytecode = True
sys.addaudithook(notice)
for module in ("bot.cli", "plugins.mcp", "bot.app"):
    importlib.import_module(module)
with contextlib.redirect_stdout(io.StringIO()):
    sys.modules["bot.cli"].invoke(["--help"])
assert sys.modules["storage.migrations"].head() >= "0001"
for each in {"alembic", "jsonschema", "mcp", "mcp_types"} & set(sys.modules):
    print(each, "is imported before it is needed")
for module in sys.argv[1:]:
    importlib.import_module(module)
import threading
for thread in threading.enumerate()[1:]:
    print("started", thread)
"""


def modules_of(room: str) -> list[str]:
    """Every module of a top-level package, but for scripts: those run with -m, and by Alembic."""
    walked = pkgutil.walk_packages([str(PROJECT / room)], prefix=f"{room}.")
    names = [module.name for module in walked if not module.name.endswith(SCRIPTS)]
    return [room, *names]


def test_importing_has_no_effects() -> None:
    """No file is written, no socket, process or thread is made, and nothing warns. A start pays for
    Alembic only when there is something to upgrade, and for MCP's library when there is a server."""
    modules = [module for room in ROOMS for module in modules_of(room)]
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORTS_ALL, *modules],
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT,
    )
    effects = ran.stdout + ran.stderr
    assert not effects, effects
    assert ran.returncode == 0
