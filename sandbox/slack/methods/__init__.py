"""What each method of the Web API does."""

from sandbox.slack.call import Methods
from sandbox.slack.methods.agents import AgentMethods
from sandbox.slack.methods.chat import ChatMethods
from sandbox.slack.methods.conversations import ConversationMethods
from sandbox.slack.methods.files import FileMethods
from sandbox.slack.methods.histories import HistoryMethods
from sandbox.slack.methods.installing import InstallingMethods
from sandbox.slack.methods.people import PeopleMethods
from sandbox.slack.methods.streams import StreamMethods
from sandbox.slack.methods.views import ViewMethods
from sandbox.slack.platform import Platform


def all_methods(platform: Platform) -> Methods:
    """Those that take a bot token, by name."""
    groups = (
        InstallingMethods(platform),
        ChatMethods(platform),
        StreamMethods(platform),
        ConversationMethods(platform),
        HistoryMethods(platform),
        PeopleMethods(platform),
        FileMethods(platform),
        AgentMethods(platform),
        ViewMethods(platform),
    )
    return {name: method for group in groups for name, method in group.table().items()}


def open_methods(platform: Platform) -> Methods:
    """Those that take another token, or none."""
    return InstallingMethods(platform).open_table()
