"""What can go wrong in a plugin, as the host tells it."""


class PluginFailed(Exception):
    """Plugin code failed; the message is for operators, not for people."""

    def __init__(self, plugin: str, what: str, why: str) -> None:
        super().__init__(f"{what} of plugin {plugin} {why}")
        self.plugin = plugin
        self.what = what


class PluginHindered(PluginFailed):
    """It was not allowed to ask Claude: a budget or a rate limit has no room. `__cause__` says which; the
    plugin is not to blame."""


class PluginTimedOut(PluginFailed):
    """It did not come back in time."""


class PluginResting(PluginFailed):
    """It failed again and again, and is left alone for a while."""


class LoopBlocked(BaseException):
    """Raised inside plugin code that has kept the whole event loop waiting for too long.

    A `BaseException`, so that a plugin's `except Exception` does not swallow it.
    """


class PluginsUnusable(Exception):
    """A plugin that is required can't be used, so nothing may start; the message says the remedy."""
