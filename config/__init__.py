"""What an operator edits, and the typed settings that read it."""

from config.catalogue import Catalogue
from config.model import Model
from config.pricing import Price, Rates, TokenCounts
from config.problems import Problem, SettingsError

__all__ = ["Catalogue", "Model", "Price", "Problem", "Rates", "SettingsError", "TokenCounts"]
