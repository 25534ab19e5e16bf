"""Python runs this at the start of every program whose PYTHONPATH names this directory.

The test-suite puts it there, so that the programs tests start are held to loopback as well.
"""

import importlib.util
import sys
from pathlib import Path

# Loaded by path, so that a program with a package `tests` of its own still finds that one.
_spec = importlib.util.spec_from_file_location(
    "tests.network_guard", Path(__file__).parents[1] / "network_guard.py"
)
if _spec is None or _spec.loader is None:
    raise ImportError("tests/network_guard.py is missing beside tests/guarded")
_module = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = _module
_spec.loader.exec_module(_module)
_module.guard_this_process()
