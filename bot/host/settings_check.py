"""What is wrong in the plugins' sections of the settings: only their plugins can tell."""

from bot.host.installed import all_plugins
from config import Problem, Settings


def plugin_problems(settings: Settings) -> list[Problem]:
    """Sections of plugins that are not there, and those that their plugins can't use. Imports plugins."""
    return [
        Problem(
            str(settings.origin_of(("plugins", broken.name))),
            f"plugins.{broken.name}",
            broken.why,
            f"correct it; `parley plugin check {broken.name}` says more",
        )
        for broken in all_plugins(settings).broken
        if broken.name in settings.plugins
    ]
