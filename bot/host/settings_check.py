"""What is wrong in settings that only what is installed can tell: plugins' sections, and targets."""

from bot.host.installed import all_plugins
from bot.host.loading import Loading
from bot.host.target_check import target_problems
from bot.installed import adapter_classes
from config import Problem, Settings


def installed_problems(settings: Settings) -> list[Problem]:
    """Sections of plugins that are not there, those that their plugins can't use, and targets of reports
    that can be none. Imports plugins."""
    loading = all_plugins(settings)
    brought = {spec.name for each in loading.loaded for spec in each.plugin.adapters}
    return [
        *_plugin_problems(settings, loading),
        *target_problems(settings, {*adapter_classes(), *brought}),
    ]


def _plugin_problems(settings: Settings, loading: Loading) -> list[Problem]:
    return [
        Problem(
            str(settings.origin_of(("plugins", broken.name))),
            f"plugins.{broken.name}",
            broken.why,
            f"correct it; `parley plugin check {broken.name}` says more",
        )
        for broken in loading.broken
        if broken.name in settings.plugins
    ]
