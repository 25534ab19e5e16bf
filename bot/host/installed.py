"""Which plugins this installation has, by its settings."""

from pathlib import Path

from bot.host.errors import PluginsUnusable
from bot.host.loading import Found, Loading, find, load_all
from config import Settings


def found_plugins(settings: Settings) -> list[Found]:
    """The plugins that are there and allowed."""
    folder = settings.plugin_host.folder
    return find(folder=Path(folder) if folder else None, allow=settings.plugin_host.allow)


def all_plugins(settings: Settings) -> Loading:
    """Load the plugins that the settings allow; those that can't be are told with their reason."""
    return load_all(found_plugins(settings), settings.plugins)


def load_plugins(settings: Settings) -> Loading:
    """Find and load the plugins that the settings allow.

    Raises:
        PluginsUnusable: one that is required can't be used.
    """
    loading = all_plugins(settings)
    for guard in loading.missing_guards:
        raise PluginsUnusable(f"plugin {guard.name} is required and can't be used: {guard.why}")
    return loading
