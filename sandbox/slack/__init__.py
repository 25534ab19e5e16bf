"""A simulated Slack: the real SDKs talk to it, nothing leaves the machine."""

from sandbox.outcome import Outcome
from sandbox.slack.announcer import MentionOrder
from sandbox.slack.envelopes import DeliveryRecord, DeliveryState, EnvelopeKind, Redelivery
from sandbox.slack.faults import Fault, FaultKind
from sandbox.slack.limits import RateLimits
from sandbox.slack.messages import Change, Message, StreamState
from sandbox.slack.pings import Ping
from sandbox.slack.remote import RemoteSlack, SlackProcess
from sandbox.slack.render import Button, Visible
from sandbox.slack.request_log import SeenCall
from sandbox.slack.server import SimulatedSlack
from sandbox.slack.surfaces import AgentStatus
from sandbox.slack.talking import Upload
from sandbox.slack.world import Channel, ChannelKind, Installation, User, Workspace

__all__ = [
    "AgentStatus",
    "Button",
    "Change",
    "Channel",
    "ChannelKind",
    "DeliveryRecord",
    "DeliveryState",
    "EnvelopeKind",
    "Fault",
    "FaultKind",
    "Installation",
    "MentionOrder",
    "Message",
    "Outcome",
    "Ping",
    "RateLimits",
    "Redelivery",
    "RemoteSlack",
    "SeenCall",
    "SimulatedSlack",
    "SlackProcess",
    "StreamState",
    "Upload",
    "User",
    "Visible",
    "Workspace",
]
