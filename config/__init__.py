"""What an operator edits, and the typed settings that read it."""

from config.catalogue import Catalogue
from config.credentials import configured_platforms, require_credentials
from config.loading import load_settings
from config.model import Model
from config.overrides import ChannelSettings
from config.pricing import Price, Rates, TokenCounts
from config.problems import Problem, SettingsError
from config.settings import Settings

__all__ = [
    "Catalogue",
    "ChannelSettings",
    "Model",
    "Price",
    "Problem",
    "Rates",
    "Settings",
    "SettingsError",
    "TokenCounts",
    "configured_platforms",
    "load_settings",
    "require_credentials",
]
