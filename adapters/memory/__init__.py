"""A platform in memory: for tests, benchmarks and whoever wants to talk to the engine from Python.

`MemoryPlatform` is the server: it keeps what was said, with every version of every message, and what
it has been told to do wrong. `MemoryAdapter` speaks to it like any adapter to its platform, so an
adapter can be thrown away and a new one made on the same platform, as after a crash.
"""

from adapters.memory.adapter import MemoryAdapter
from adapters.memory.intake import MemoryIntake
from adapters.memory.platform import Fault, MemoryPlatform, Posted, Verb
from adapters.memory.store import MemoryStore, MemoryValues

__all__ = [
    "Fault",
    "MemoryAdapter",
    "MemoryIntake",
    "MemoryPlatform",
    "MemoryStore",
    "MemoryValues",
    "Posted",
    "Verb",
]
