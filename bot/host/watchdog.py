"""Names the plugin that blocks the event loop, and breaks it off.

A thread looks whether the loop still turns. If it stands, the stack of the loop's thread says whose code
it stands in; a signal then raises `LoopBlocked` right there. That ends endless loops in Python and sleeps
alike. Code that catches even that, or is in C and never looks for signals, can't be ended: then `leave`
is called, since a process that stands still answers nobody, and another takes over what it holds.
"""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType

import structlog

from bot.host.errors import LoopBlocked

log = structlog.get_logger(__name__)

SIGNAL = getattr(signal, "SIGURG", None)
"""By default it does nothing, so that a stray one harms nobody; None where there are no such signals."""

LOOK_EVERY_S = 0.1
BREAKS = 5
"""So often a plugin is broken off in vain before the process is given up."""


class Watchdog:
    """Watches the loop of the thread that enters it.

    `folders` are where the code of plugins lies, by plugin; `report` hears (plugin, seconds). The loop
    must `beat` more often than `warn_s`. A plugin that blocks for `break_s` is broken off, and `leave` is
    called, in the watching thread, if it goes on all the same.
    """

    def __init__(
        self,
        *,
        folders: Mapping[str, Path],
        report: Callable[[str, float], None],
        leave: Callable[[], None],
        warn_s: float = 0.5,
        break_s: float = 2.0,
    ) -> None:
        self._folders = {name: _prefix(path) for name, path in folders.items()}
        self._report = report
        self._leave = leave
        self._warn_s = warn_s
        self._break_s = break_s
        self._beaten_at = time.monotonic()
        self._stopped = threading.Event()
        self._break_off: str | None = None

    def beat(self) -> None:
        """The loop turns."""
        self._beaten_at = time.monotonic()

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Watch until left. Only the main thread can be broken off, since it alone gets signals."""
        loop_thread = threading.get_ident()
        may_break = SIGNAL is not None and threading.current_thread() is threading.main_thread()
        earlier = signal.signal(SIGNAL, self._broken_off) if may_break and SIGNAL else None
        self.beat()
        thread = threading.Thread(
            target=self._watch, args=(loop_thread, may_break), name="plugin watchdog", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            thread.join()
            if may_break and SIGNAL:
                signal.signal(SIGNAL, earlier or signal.SIG_DFL)

    def _watch(self, loop_thread: int, may_break: bool) -> None:
        warned_of, broken_at = 0.0, 0.0
        while not self._stopped.wait(LOOK_EVERY_S):
            beaten_at, now = self._beaten_at, time.monotonic()
            stood_s = now - beaten_at
            if stood_s < self._warn_s:
                continue
            frames = sys._current_frames()  # noqa: SLF001 - there is no other way
            found = self._culprit(frames.get(loop_thread))
            if found is None:
                continue
            plugin, place = found
            if warned_of != beaten_at:
                warned_of = beaten_at
                log.error("plugin blocks the event loop", plugin=plugin, at=place)
                self._report(plugin, stood_s)
            if stood_s >= self._break_s * (BREAKS + 1):
                log.critical("plugin can't be broken off; leaving", plugin=plugin, at=place)
                self._leave()
                return
            if may_break and stood_s >= self._break_s and now - broken_at >= self._break_s:
                broken_at, self._break_off = now, plugin
                signal.pthread_kill(loop_thread, SIGNAL)  # type: ignore[arg-type]  # may_break

    def _broken_off(self, _number: int, frame: FrameType | None) -> None:
        """In the main thread: raise where the plugin's code stands, if it still does."""
        plugin, self._break_off = self._break_off, None
        found = self._culprit(frame)
        if plugin is None or found is None or found[0] != plugin:
            return
        raise LoopBlocked(f"it blocked the event loop at {found[1]}")

    def _culprit(self, frame: FrameType | None) -> tuple[str, str] | None:
        """The plugin whose code the stack stands in, innermost first, and the place."""
        while frame is not None:
            file = frame.f_code.co_filename
            for plugin, prefix in self._folders.items():
                if file.startswith(prefix):
                    return plugin, f"{os.path.basename(file)}:{frame.f_lineno}"  # noqa: PTH119
            frame = frame.f_back
        return None


def _prefix(path: Path) -> str:
    """What the file names of a plugin's code begin with: a folder's path with its separator."""
    resolved = str(path)
    return resolved + os.sep if path.is_dir() else resolved
