"""The plugin API: everything a plugin needs, and all that it may use.

    from bot.plugins import Context, Plugin

    plugin = Plugin("hello", api=1)

    @plugin.command("hello")
    async def hello(ctx: Context, name: str = "world") -> str:
        \"\"\"Greet somebody.\"\"\"
        return f"Hello, {name}!"

The guide is `docs/plugins.md`.
"""

from bot.claude.bound import Claude
from bot.claude.errors import ClaudeError
from bot.claude.events import Completion
from bot.claude.extract import ExtractionError
from bot.claude.parallel import Result
from bot.claude.prompt import Prompt
from bot.plugins.answers import MAX_FILE_BYTES, Answer, Ask, File, Table
from bot.plugins.context import CommandInfo, Context, NoSettings, Said, ThreadSummary
from bot.plugins.declarations import ToolSpec
from bot.plugins.errors import NotHere, PluginError, Told
from bot.plugins.plugin import API_VERSION, Block, Plugin, Verdict
from bot.plugins.roles import Role
from bot.plugins.rules import ModelsHere, Rules
from bot.plugins.store import MAX_VALUE_CHARS, Scope, Store
from bot.plugins.usage import BudgetView, ModelUsage, UsageScope, UsageView
from bot.vocabulary import Attachment, Channel, ChannelKind, Message, Person, Thread

__all__ = [
    "API_VERSION",
    "MAX_FILE_BYTES",
    "MAX_VALUE_CHARS",
    "Answer",
    "Ask",
    "Attachment",
    "Block",
    "BudgetView",
    "Channel",
    "ChannelKind",
    "Claude",
    "ClaudeError",
    "CommandInfo",
    "Completion",
    "Context",
    "ExtractionError",
    "File",
    "Message",
    "ModelUsage",
    "ModelsHere",
    "NoSettings",
    "NotHere",
    "Person",
    "Plugin",
    "PluginError",
    "Prompt",
    "Result",
    "Role",
    "Rules",
    "Said",
    "Scope",
    "Store",
    "Table",
    "Thread",
    "ThreadSummary",
    "Told",
    "ToolSpec",
    "UsageScope",
    "UsageView",
    "Verdict",
]
