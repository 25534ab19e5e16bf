"""The service's HTTP side: health, readiness, metrics, and room for more routes."""

from bot.web.operations import OperationsPages
from bot.web.readiness import Readiness
from bot.web.server import WebServer, WebServerError

__all__ = ["OperationsPages", "Readiness", "WebServer", "WebServerError"]
