"""What plugin code is given: one `Context` everywhere."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, NoReturn

from pydantic import BaseModel
from structlog.typing import FilteringBoundLogger
from typing_extensions import TypeVar  # its defaults come with Python 3.13

from bot.claude.bound import Claude
from bot.plugins.answers import Answer
from bot.plugins.errors import NotHere
from bot.plugins.roles import Role
from bot.plugins.rules import ModelsHere, Rules
from bot.plugins.store import Store
from bot.plugins.usage import BudgetView, UsageScope, UsageView
from bot.vocabulary import Attachment, Channel, Message, Person, Thread


class NoSettings(BaseModel):
    """The settings of a plugin that has none."""

    model_config = {"extra": "forbid"}


SettingsT = TypeVar("SettingsT", bound=BaseModel, default=NoSettings)
StateT = TypeVar("StateT", default=Any)


@dataclass(frozen=True, slots=True)
class Said:
    """Something in a thread's history; `role` is `user` or `assistant`."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class ThreadSummary:
    """A thread of a channel that the bot takes part in."""

    thread: Thread
    last_message_at: datetime


@dataclass(frozen=True, slots=True)
class CommandInfo:
    """A command, as people need to know it."""

    name: str
    usage: str
    summary: str
    description: str


class Surroundings:
    """What the host provides behind a context; plugin code has no use for it.

    Each of these raises `NotHere` on occasions that have no such thing.
    """

    def show(self, text: str) -> None:
        """Show this in the reply until there is more."""
        _not_here("there is no reply to show progress in")

    async def confirm(self, question: str) -> bool:
        """Ask the person."""
        _not_here("there is nobody to ask")

    async def read(self, attachment: Attachment, max_bytes: int) -> bytes:
        """Fetch a file."""
        _not_here("there are no files")

    async def history(self, thread: Thread) -> Sequence[Said]:
        """Read a thread."""
        _not_here("there is no history")

    async def threads(self, since: datetime) -> Sequence[ThreadSummary]:
        """Find the channel's threads."""
        _not_here("there is no channel")

    def commands(self) -> Sequence[CommandInfo]:
        """List the commands."""
        _not_here("there is nobody to use a command")

    async def reset(self) -> None:
        """Forget the thread."""
        _not_here("there is no thread")

    async def forget_person(self) -> Sequence[str]:
        """Forget the person."""
        _not_here("there is no person")

    def models(self) -> ModelsHere:
        """Say which model answers."""
        _not_here("there is no thread")

    async def choose_model(self, model: str | None, channel: bool) -> ModelsHere:
        """Have another one answer."""
        _not_here("there is no thread")

    def rules(self) -> Rules:
        """Say what is in force."""
        _not_here("there is no channel")

    async def rate(self, good: bool) -> str | None:
        """Rate the last answer."""
        _not_here("there is no thread")

    async def post(self, channel: Channel, answer: Answer, key: str) -> None:
        """Say something in a new thread."""
        _not_here("nothing can be posted")

    async def ask_bot(self, channel: Channel, person: Person, text: str, key: str) -> None:
        """Put a question to the bot."""
        _not_here("nothing can be asked")

    async def usage(self, scope: UsageScope, period: str) -> UsageView:
        """Read the ledger."""
        _not_here("there is nobody whose usage it could be")

    async def budgets(self) -> Sequence[BudgetView]:
        """List budgets."""
        _not_here("there is nobody who might see budgets")

    async def raise_budget(self, name: str, amount_usd: Decimal) -> BudgetView:
        """Add to a budget."""
        _not_here("there is nobody who might change budgets")

    async def reset_budget(self, name: str) -> BudgetView:
        """Have a budget begin afresh."""
        _not_here("there is nobody who might change budgets")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context(Generic[SettingsT, StateT]):
    """Where, for whom and with what a handler runs.

    In a scheduled job and in the lifespan there is no message and no person; asking for one raises
    `NotHere`.
    """

    plugin: str
    """The plugin's name."""
    settings: SettingsT
    """The plugin's section of the settings, validated."""
    state: StateT
    """What the plugin's lifespan yielded."""
    store: Store
    claude: Claude
    """Ask Claude: `ask`, `extract`, `map`. What it costs is counted under this plugin, and for the
    person and channel it is done for."""
    log: FilteringBoundLogger
    now: Callable[[], datetime]
    """The present time, aware, in UTC; tests can move it."""
    sleep: Callable[[float], Awaitable[None]]
    """Wait for some seconds of that time."""
    role: Role = Role.MEMBER
    """What the person may do."""
    turn_id: str | None = None
    """The same again if the turn is repeated after a crash: good as an idempotency key."""
    maybe_message: Message | None = None
    maybe_channel: Channel | None = None
    maybe_person: Person | None = None
    around: Surroundings

    @property
    def message(self) -> Message:
        """What was said. Raises `NotHere` where nothing was."""
        return self.maybe_message or _not_here("there is no message")

    @property
    def thread(self) -> Thread:
        """The conversation of `message`."""
        return self.message.conversation

    @property
    def channel(self) -> Channel:
        """Where it happens. Raises `NotHere` in what happens nowhere, such as a job."""
        return self.maybe_channel or _not_here("there is no channel")

    @property
    def person(self) -> Person:
        """For whom. Raises `NotHere` where it is for nobody."""
        return self.maybe_person or _not_here("there is no person")

    def show(self, text: str) -> None:
        """Show this as the reply for now: progress, or a draft. What the handler returns replaces it."""
        self.around.show(text)

    async def confirm(self, question: str) -> bool:
        """Ask the person to allow something, with buttons; false if they refuse or do not answer."""
        return await self.around.confirm(question)

    async def read(self, attachment: Attachment, *, max_bytes: int = 1_000_000) -> bytes:
        """The content of a file that came with the message. Raises `Told` if it can't be had."""
        return await self.around.read(attachment, max_bytes)

    async def history(self, thread: Thread | None = None) -> Sequence[Said]:
        """What was said in a thread as far as the bot remembers, oldest first; by default in this one."""
        return await self.around.history(thread or self.thread)

    async def threads(self, *, since: datetime) -> Sequence[ThreadSummary]:
        """The threads of this channel that were active since then, newest first."""
        return await self.around.threads(since)

    def commands(self) -> Sequence[CommandInfo]:
        """The commands that the person may use here, by name."""
        return self.around.commands()

    async def reset(self) -> None:
        """Have Claude begin afresh in this thread: what was said before is no longer sent along."""
        await self.around.reset()

    def models(self) -> ModelsHere:
        """Which model answers in this thread, and which may be chosen."""
        return self.around.models()

    async def choose_model(self, model: str | None, *, channel: bool = False) -> ModelsHere:
        """Have this thread, or the whole channel, answered by a model from now on; None is the one of the
        settings again. Raises `Told` if it may not be chosen; who may choose is for the plugin to say."""
        return await self.around.choose_model(model, channel)

    def rules(self) -> Rules:
        """What the operator's settings say in this channel."""
        return self.around.rules()

    async def rate(self, *, good: bool) -> str | None:
        """Note what the person thinks of the last answer in this thread, in place of what they said of it
        before; the id of its turn, or None if there is no answer."""
        return await self.around.rate(good)

    async def forget_person(self) -> Sequence[str]:
        """Delete what plugins keep about the person; the plugins that failed to, by name."""
        return await self.around.forget_person()

    async def post(self, channel: Channel, answer: Answer | str, *, key: str) -> None:
        """Say something in a channel, in a thread of its own. However often it is called with the same
        `key`, in this process or another, it is said once; it is durable when this returns."""
        said = answer if isinstance(answer, Answer) else Answer(answer)
        await self.around.post(channel, said, key)

    async def ask_bot(self, channel: Channel, person: Person, text: str, *, key: str) -> None:
        """Have the bot answer `text` in a channel as if `person` had asked, once for each `key`. It
        counts for that person, and in the channel's limits and budgets."""
        await self.around.ask_bot(channel, person, text, key)

    async def usage(self, scope: UsageScope = "person", *, period: str = "month") -> UsageView:
        """What the person, this channel or (for admins) the workspace used, and what it cost. `period` is
        `today`, `week`, `month`, `2026-11-23`, `2026-W47`, `2026-11` or `2026-11-01..2026-11-15`, in the
        operators' time zone. Raises `Told` if it can't be understood, or is not theirs to know."""
        return await self.around.usage(scope, period)

    async def budgets(self) -> Sequence[BudgetView]:
        """The budgets that the person, an admin, may see. Raises `Told` if they are none."""
        return await self.around.budgets()

    async def raise_budget(self, name: str, amount_usd: Decimal) -> BudgetView:
        """Add dollars to a budget until its period ends, which is recorded under the person's name. Raises
        `Told` if they may not, or if there is no such budget."""
        return await self.around.raise_budget(name, amount_usd)

    async def reset_budget(self, name: str) -> BudgetView:
        """Have a budget begin afresh, which is recorded too. Raises `Told` as `raise_budget` does."""
        return await self.around.reset_budget(name)


def _not_here(what: str) -> NoReturn:
    raise NotHere(f"{what} on this occasion")
