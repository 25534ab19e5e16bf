"""What the operator says about a plugin, beside the plugin's own settings."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.plugins import PluginError, Role


class PluginOptions(BaseModel):
    """The host's keys in `[plugins.NAME]`; all others are the plugin's own."""

    model_config = ConfigDict(frozen=True)

    enabled: bool | None = None
    """None: as the plugin wants it."""
    required: bool = False
    """Without it nothing starts: a guard that failed to load must not leave the door open."""
    roles: dict[str, Role] = {}
    """Who may use a command or tool, by its name, in place of what the plugin says."""


def divided(section: Mapping[str, Any], *, plugin: str) -> tuple[PluginOptions, dict[str, Any]]:
    """The options and the plugin's own settings of a section. Raises `PluginError`."""
    options = {key: section[key] for key in PluginOptions.model_fields if key in section}
    own = {key: value for key, value in section.items() if key not in options}
    return _validated(PluginOptions, options, plugin=plugin), own


def settings_of(kind: type[BaseModel], own: Mapping[str, Any], *, plugin: str) -> BaseModel:
    """The plugin's own settings. Raises `PluginError`, which names each key and never a value."""
    validated: BaseModel = _validated(kind, own, plugin=plugin)
    return validated


def _validated(kind: Any, given: Mapping[str, Any], *, plugin: str) -> Any:
    try:
        return kind.model_validate(dict(given))
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
        problems = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'all'}: {each['msg']}" for each in details
        )
        raise PluginError(f"[plugins.{plugin}]: {problems}") from None
