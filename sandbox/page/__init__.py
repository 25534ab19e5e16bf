"""The sandbox's page: a simulated workspace and server side by side, and what goes on behind the scenes."""

from sandbox.page.bots import BotFailed
from sandbox.page.playground import Playground

__all__ = ["BotFailed", "Playground"]
