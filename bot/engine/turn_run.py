"""One run of one turn: what its steps know and find out, and what they may use."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from bot.claude.client import ClaudeClient
from bot.claude.prompt import Prompt
from bot.engine.accounts import LedgerBooks, TurnBooks
from bot.engine.attachments import AttachmentReader
from bot.engine.intake import EngineIntake
from bot.engine.interrupt import Interrupt
from bot.engine.live_reply import LiveReply
from bot.engine.question import Question
from bot.host.host import PluginHost
from bot.money.budget_queue import BudgetQueue
from bot.money.desk import MoneyDesk
from bot.plugins import Role, ToolSpec
from bot.ports import Adapter
from bot.telemetry.metrics import Metrics
from bot.telemetry.tracing import Tracing
from bot.vocabulary import (
    Attribution,
    Channel,
    ChannelKind,
    Clock,
    Closing,
    Message,
    Person,
    Thread,
)
from config import Settings
from config.overrides import ChannelSettings
from storage.database import Database
from storage.history import NewSaid, Said
from storage.turns import Window, Work

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What every turn uses."""

    database: Database
    claude: ClaudeClient
    books: LedgerBooks
    budget_queue: BudgetQueue
    reader: AttachmentReader
    settings: Settings
    clock: Clock
    metrics: Metrics
    tracing: Tracing
    plugins: PluginHost
    intake: EngineIntake
    money: MoneyDesk


@dataclass(slots=True, kw_only=True)
class TurnRun:
    """A turn under way. The first block is given; each step adds what it found out."""

    work: Work
    services: Services
    interrupt: Interrupt
    adapter: Adapter
    shown_through: Adapter
    """The same, under the lease: what is shown is shown through it."""
    reply: LiveReply
    channel_settings: ChannelSettings
    books: TurnBooks
    started: float
    deadline: float
    """Both on the clock's monotonic scale; by then the person has the answer or a sentence."""
    revision: int
    stop_requested: bool
    model_chosen_for: str | None = None
    """`thread` or `channel`, if people chose the model there."""
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when something about the thread changed that is not the question: a button was pressed."""
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while the person is being asked something."""
    questions: int = 0
    """How often they have been asked."""
    said_before: Sequence[Message] | None = None
    """What people said in the thread before this turn, once their platform was asked."""
    held_back: bool = False
    """Nothing may be shown before filters have seen the whole answer."""

    before: Sequence[Message] = ()
    """What was said before the bot came, as far as it goes to Claude."""
    question: Question | None = None
    said: Sequence[Said] = ()
    summary: str | None = None
    window: Window | None = None
    prompt: Prompt | None = None
    introduced: dict[str, Message] = field(default_factory=dict)
    """The messages as their platform completed them, by their ids."""
    texts: dict[str, str] = field(default_factory=dict)
    """What filters or a command made of messages' texts, by the message's id."""
    tools: dict[str, ToolSpec] = field(default_factory=dict)
    """The tools that Claude may use, by name."""
    spoken: str = ""
    """What Claude said before it last used a tool; the text goes on from there."""
    exchange: list[NewSaid] = field(default_factory=list)
    """What went to and fro between Claude and tools in this answer, for the history."""
    owed: Closing | None = None
    """What the last request that Claude answered cost, until that is in the ledger."""
    timer: asyncio.Timeout | None = None
    """Ends the attempt at the deadline."""
    downgraded: bool = False
    """A budget left room for a cheaper model alone."""
    request_key: str = ""
    text: str = ""
    first_text_at: datetime | None = None
    detail: str | None = None
    """The kind of error, for operators."""
    over: bool = False
    """It has ended, and its thread was let go."""

    @property
    def id(self) -> str:
        """The turn's id."""
        return self.work.turn.id

    @property
    def messages(self) -> tuple[Message, ...]:
        """What the people said that this turn answers."""
        said = tuple(
            self.introduced.get(each.message.id, each.message) for each in self.work.messages
        )
        if not self.texts:
            return said
        return tuple(replace(each, text=self.texts.get(each.id, each.text)) for each in said)

    @property
    def channel(self) -> Channel:
        """Where it happens."""
        return self.work.held.thread.channel

    @property
    def asker(self) -> Person:
        """Who spoke last: the turn is counted as theirs."""
        return self.messages[-1].author

    @property
    def conversation(self) -> Thread:
        """What it is part of; for a command that is answered beside it, what that is about."""
        return self.messages[-1].conversation

    @property
    def question_text(self) -> str:
        """What the people wrote, without what stands around it."""
        return "\n\n".join(message.text for message in self.messages)

    def attribution(self, purpose: str) -> Attribution:
        """What a request of this turn is counted under."""
        return Attribution(
            purpose=purpose,
            turn_id=self.id,
            workspace_key=self.channel.workspace_key,
            channel_key=self.channel.key,
            person_key=self.asker.key_in(self.channel.workspace_key),
            direct=self.channel.kind is ChannelKind.DIRECT,
        )

    @property
    def asked(self) -> Question:
        """The question, once it has been read."""
        assert self.question is not None, "the question is read before it is used"
        return self.question

    def age_s(self) -> float:
        """How long ago the turn was opened."""
        return (self.services.database.now() - self.work.turn.opened_at).total_seconds()

    def remaining_s(self) -> float:
        """How much time is left until the deadline."""
        return max(0.0, self.deadline - self.services.clock.monotonic())

    def forget_attempt(self) -> None:
        """The question changed: what the steps found out no longer holds."""
        self.question = self.prompt = self.window = None
        self.said, self.summary, self.text, self.spoken = (), None, "", ""
        self.exchange, self.texts, self.tools, self.introduced = [], {}, {}, {}
        self.before = ()

    def extend(self, seconds: float) -> None:
        """Time in which a person was asked something is not the turn's."""
        self.deadline += seconds
        if self.timer is not None and (when := self.timer.when()) is not None:
            self.timer.reschedule(when + seconds)

    @property
    def role(self) -> Role:
        """What the asker may do."""
        return Role.ADMIN if self.asker.admin or self.is_operator else Role.MEMBER

    @property
    def is_operator(self) -> bool:
        """The asker is one of those whom the settings name as admins of the whole bot."""
        admins, asker = self.services.settings.operators.admins, self.asker
        names = {f"{self.channel.platform}:{asker.id}", asker.key_in(self.channel.workspace_key)}
        return not names.isdisjoint(admins)


class Deferred(Exception):
    """The same turn goes on at `until`; `sentence` is shown in the meantime."""

    def __init__(self, until: datetime, sentence: str) -> None:
        super().__init__(sentence)
        self.until = until
        self.sentence = sentence
