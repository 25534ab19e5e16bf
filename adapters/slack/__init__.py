"""Slack: Socket Mode or HTTP in, the Web API out."""

from adapters.slack.adapter import SlackAdapter
from adapters.slack.credentials import Credentials, SlackConfig
from adapters.slack.pacing import RateLimits

__all__ = ["Credentials", "RateLimits", "SlackAdapter", "SlackConfig"]
