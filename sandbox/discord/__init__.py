"""A simulated Discord: the real SDK talks to it, nothing leaves the machine."""

from sandbox.discord.acting import File
from sandbox.discord.faults import Fault, FaultKind
from sandbox.discord.gateway import GatewayRules
from sandbox.discord.interactions import Interaction, ResponseType
from sandbox.discord.messages import Attachment, Message, MessageFlag, MessageType, Pinged, Version
from sandbox.discord.people import Member, Role, User
from sandbox.discord.permissions import Permission
from sandbox.discord.places import Channel, ChannelType, Guild, Overwrite
from sandbox.discord.rate_limits import RateLimits
from sandbox.discord.remote import DiscordProcess, RemoteDiscord
from sandbox.discord.request_log import SeenRequest
from sandbox.discord.server import SimulatedDiscord
from sandbox.discord.world import Impossible, NotThere, World
from sandbox.outcome import Outcome

__all__ = [
    "Attachment",
    "Channel",
    "ChannelType",
    "DiscordProcess",
    "Fault",
    "FaultKind",
    "File",
    "GatewayRules",
    "Guild",
    "Impossible",
    "Interaction",
    "Member",
    "Message",
    "MessageFlag",
    "MessageType",
    "NotThere",
    "Outcome",
    "Overwrite",
    "Permission",
    "Pinged",
    "RateLimits",
    "RemoteDiscord",
    "ResponseType",
    "Role",
    "SeenRequest",
    "SimulatedDiscord",
    "User",
    "Version",
    "World",
]
