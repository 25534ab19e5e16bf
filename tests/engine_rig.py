"""A whole service in a test: the real engine between a platform in memory and a simulated Claude.

    async with engine(ready_url) as rig:
        question = rig.say("What is the capital of France?")
        assert await rig.answer_to(question) == "Paris."

Nothing in between is replaced: the real SDK over loopback, a real database. Time simply passes; a test
waits for what it wants to see, and holds Claude or the platform where a moment matters.
"""

import asyncio
import tempfile
import tomllib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import anthropic  # noqa: F401 - it takes long to import, and deadlines in tests are short
from sqlalchemy import Connection, select

from adapters.memory import MemoryAdapter, MemoryPlatform
from adapters.memory.platform import Posted
from bot.app import build
from bot.ports import Capabilities, Intake
from bot.reports.picture import Draw
from bot.vocabulary import (
    PARLEY,
    Attachment,
    Channel,
    Clock,
    Message,
    Person,
    SystemClock,
    Thread,
    new_id,
)
from config import Settings, load_settings
from sandbox.claude import SimulatedClaude
from storage import history, inbox, turns
from storage.database import Database
from storage.errors import StorageUnavailable
from storage.tables import AttachmentRow, InboxRow, LedgerRow, ThreadRow, TurnRow
from storage.upsert import table
from tests.drawn_here import DrawnHere
from tests.support import wait_until

T = TypeVar("T")

ADA = Person("U1", "Ada")
GRACE = Person("U2", "Grace")
API_KEY = "sk-ant-simulated"
PATIENCE_S = 60.0
"""How long a test waits for what it wants to see: far longer than it takes, as machines are busy."""

_OVER = ("delivered", "parked")

# What tests want unless they say otherwise: an engine that notices things at once, and no limit in the way.
_DEFAULTS: Mapping[str, Mapping[str, object]] = {
    "engine": {"poll_s": 0.1, "heartbeat_s": 0.2, "shutdown_s": 0.5, "database_connections": 3},
    "limits": {"channel_messages": 1000},
    "logs": {"level": "warning"},
}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a turn came out, and what its reply shows now, one text for each platform message."""

    turn_id: str
    status: str
    outcome: str
    detail: str | None
    shown: tuple[str, ...]

    @property
    def text(self) -> str:
        """The reply as a person reads it."""
        return "\n".join(self.shown)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as Claude got it."""

    model: str
    system: str
    said: tuple[tuple[str, str], ...]
    """(role, text) of every message."""
    blocks: tuple[Mapping[str, Any], ...]
    """The content blocks of the last message."""

    @property
    def text(self) -> str:
        """The text of the last message: what was asked, and its context."""
        return self.said[-1][1]

    @property
    def whole(self) -> str:
        """Everything that was said."""
        return "\n".join(text for _, text in self.said)


class Replica:
    """One running service."""

    def __init__(
        self, *, settings: Settings, adapter: MemoryAdapter, clock: Clock, web: bool, draw: Draw
    ) -> None:
        self.adapter = adapter
        self._stop = asyncio.Event()
        service = build(
            settings=settings,
            adapters={adapter.name: adapter},
            clock=clock,
            with_web=web,
            environ={},
            draw=draw,
        )
        self._web = service._web
        self.dispatcher = service._dispatcher
        self.intake: Intake = service._intake
        self._task = asyncio.create_task(service.run(self._stop), name="service")

    async def serving(self) -> str:
        """Wait until its pages can be asked for; where they are. Only of a rig with `web`."""
        assert self._web is not None
        async with asyncio.timeout(PATIENCE_S):
            return await self._web.serving()

    async def stop(self) -> None:
        """Bring it to an orderly end, as SIGTERM does; raises what ended it before."""
        self._stop.set()
        await self._task

    async def kill(self) -> None:
        """Let it go without a word, as a killed process does: its leases stay until they run out."""
        for active in self.dispatcher._active.values():
            active.interrupt.lost = True  # so that it can't say goodbye
            if active.task is not None:
                active.task.cancel()
        self._task.cancel()
        await asyncio.wait({self._task})

    @property
    def running(self) -> bool:
        """It has not ended."""
        return not self._task.done()


class Rig:
    """The service under test, seen by the people on its platform, by Claude, and by an operator."""

    def __init__(
        self,
        *,
        settings: Settings,
        claude: SimulatedClaude,
        database: Database,
        capabilities: Capabilities | None,
        idempotent: bool,
        web: bool,
    ) -> None:
        self.settings = settings
        self.claude = claude
        self.database = database
        self.platform = MemoryPlatform(idempotent=idempotent)
        self.replicas: list[Replica] = []
        self.draw = DrawnHere()
        self._capabilities = capabilities
        self._with_web = web

    # The service

    def start(self, *, clock: Clock | None = None) -> Replica:
        """Start the service, or one more replica of it."""
        adapter = MemoryAdapter(platform=self.platform, capabilities=self._capabilities)
        replica = Replica(
            settings=self.settings,
            adapter=adapter,
            clock=clock or SystemClock(),
            web=self._with_web,
            draw=self.draw,
        )
        self.replicas.append(replica)
        return replica

    async def stop_service(self) -> None:
        """Stop every replica in order."""
        replicas, self.replicas = self.replicas, []
        await asyncio.gather(*(replica.stop() for replica in replicas))

    async def retry(self, ended: Ended) -> bool:
        """Try a parked turn again, as an operator does; false if it is not parked."""
        return await self.database.write(turns.retry, ended.turn_id, now=self.database.now())

    async def idle(self, number: int = 0) -> None:
        """Return once a replica runs no turn any more."""
        dispatcher = self.replicas[number].dispatcher
        await wait_until(lambda: dispatcher.active == 0, PATIENCE_S, what="no turn running")

    # People

    def thread(self, name: str = "1", *, channel: str = "general", direct: bool = False) -> Thread:
        """A place to talk."""
        return self.platform.thread(name, channel=channel, direct=direct)

    def say(
        self,
        text: str,
        *,
        thread: Thread | None = None,
        by: Person = ADA,
        addressed: bool = True,
        attachments: Iterable[Attachment] = (),
    ) -> Message:
        """Somebody says something."""
        return self.platform.say(
            text, thread=thread, author=by, addressed=addressed, attachments=attachments
        )

    async def announce(
        self, text: str, *, thread: Thread | None = None, **announced: Any
    ) -> Message:
        """The bot says something of its own accord, with `files` or a `card`, as a digest does."""
        place = thread or self.thread("+announced")
        message = Message(
            thread=place,
            id=f"+{new_id(self.database.now())}",
            author=PARLEY,
            text=text,
            sent_at=self.database.now(),
            addressed=True,
            announcement=True,
            **announced,
        )
        await self.database.write(inbox.put, message, now=self.database.now())
        return message

    async def kept(self, content: bytes, media_type: str) -> str:
        """Keep the bytes of a file that is to be sent; their hash."""
        return await self.database.write(
            history.keep_attachment, content, media_type, now=self.database.now()
        )

    def shown(self, thread: Thread | None = None) -> list[Posted]:
        """The bot's messages in the thread, from top to bottom."""
        return self.platform.visible(thread or self.thread())

    def replies(self, thread: Thread | None = None) -> list[str]:
        """What the bot's replies show in the thread, from top to bottom."""
        shown = self.platform.visible(thread or self.thread())
        return [posted.text for posted in shown if posted.notice_for is None]

    def notices(self, thread: Thread | None = None, *, to: Person = ADA) -> list[str]:
        """What one person was told there beside the replies."""
        shown = self.platform.visible(thread or self.thread())
        return [posted.text for posted in shown if posted.notice_for == to]

    async def shows(self, text: str, thread: Thread | None = None) -> None:
        """Return once a reply in the thread shows this text."""
        await wait_until(
            lambda: any(text in reply for reply in self.replies(thread)),
            PATIENCE_S,
            what=f"{text!r} in {self.replies(thread)}",
        )

    async def taken_in(self) -> None:
        """Return once everything that people did has been acknowledged."""
        await wait_until(
            lambda: self.platform.acknowledged == len(self.platform.events),
            PATIENCE_S,
            what="all events acknowledged",
        )

    # Endings

    async def answer_to(self, message: Message) -> str:
        """The text of the reply to a message, once its turn is over."""
        return (await self.end_of(message)).text

    async def end_of(self, message: Message) -> Ended:
        """How the turn of a message came out, once it is over."""
        (ended,) = await self.ends_of([message])
        return ended

    async def ends_of(self, messages: Sequence[Message]) -> list[Ended]:
        """How the turns of some messages came out, once all of them are over."""
        keys = [message.key for message in messages]

        async def over() -> dict[str, Any] | None:
            rows = await self._seen(_turns_of, keys)
            return rows if rows is not None and len(rows) == len(keys) else None

        rows = await wait_until(
            over,
            PATIENCE_S,
            what=f"the turns of {[message.text[:40] for message in messages]}",
        )
        assert rows is not None
        return [self._ended(message.thread, rows[message.key]) for message in messages]

    def _ended(self, thread: Thread, row: Any) -> Ended:
        shown = (
            posted.text
            for posted in self.platform.visible(thread)
            if posted.mark.startswith(f"{row.id}.") and posted.notice_for is None
        )
        return Ended(row.id, row.status, row.outcome, row.detail, tuple(shown))

    async def ask(self, text: str, *, thread: Thread | None = None, by: Person = ADA) -> str:
        """Say something and return the text of its reply."""
        return await self.answer_to(self.say(text, thread=thread, by=by))

    async def at_rest(self, thread: Thread | None = None) -> None:
        """Return once nothing is going on in the thread, and nothing waits there."""
        await self.taken_in()
        key = (thread or self.thread()).key
        await wait_until(lambda: self._seen(_at_rest, key), PATIENCE_S, what=f"{key} at rest")

    async def lets_go(self, thread: Thread | None = None) -> None:
        """Return once no replica holds the thread: its turn is over, or waits for its time."""
        await self.taken_in()
        key = (thread or self.thread()).key
        await wait_until(
            lambda: self._seen(_let_go, key),
            PATIENCE_S,
            what=f"{key} held by nobody",
        )

    async def _seen(self, query: Callable[..., T], *args: object) -> T | None:
        """What the query says now; None while the database is away."""
        try:
            return await self.database.look(query, *args)
        except StorageUnavailable:
            return None

    # Claude and the books

    @property
    def asked(self) -> list[Asked]:
        """The requests that Claude got, oldest first."""
        return [_asked(request.body) for request in self.claude.requests]

    async def ledger(self) -> list[Any]:
        """The rows of the ledger, oldest first."""
        return await self.database.read(_ledger)

    async def turn_count(self) -> int:
        """How many turns there have been."""
        return await self.database.read(_turn_count)

    async def attachments(self) -> list[str]:
        """The hashes of the files that are kept."""
        return await self.database.read(_attachments)


@asynccontextmanager
async def engine(
    url: str,
    config: str = "",
    *,
    started: bool = True,
    capabilities: Capabilities | None = None,
    idempotent: bool = True,
    api_key: str = API_KEY,
    models: str = "",
    web: bool = False,
    web_token: str = "",
) -> AsyncIterator[Rig]:
    """The service on the database at `url`, with `config` as its TOML file and `models` as an addition
    to the catalogue, stopped at the end. With `web` it serves its pages, for whoever has the token."""
    async with SimulatedClaude() as claude:
        variables = {
            "ANTHROPIC_API_KEY": api_key,
            "ANTHROPIC_BASE_URL": claude.base_url,
            "DATABASE_URL": url,
            "PARLEY_HTTP": "127.0.0.1:0",
            "PARLEY_WEB_TOKEN": web_token,
        }
        settings = _settings(config, models, variables)
        database = Database(url, clock=SystemClock(), connections=1)
        rig = Rig(
            settings=settings,
            claude=claude,
            database=database,
            capabilities=capabilities,
            idempotent=idempotent,
            web=web,
        )
        try:
            if started:
                rig.start()
            yield rig
        finally:
            claude.release()
            await rig.stop_service()
            await database.close()


def channel(name: str = "general") -> Channel:
    """A channel of the platform in memory, by its name."""
    return MemoryPlatform().thread(channel=name).channel


def _settings(config: str, models: str, variables: Mapping[str, str]) -> Settings:
    given = tomllib.loads(config)
    if models:
        config += '\n[catalogue]\nfile = "models.toml"\n'
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "parley.toml"
        file.write_text(config)
        (Path(folder) / "models.toml").write_text(models)
        return load_settings(
            {"PARLEY_CONFIG": str(file), **variables, **_defaults_beside(given)},
            Path(folder),
        )


def _defaults_beside(given: Mapping[str, Any]) -> dict[str, str]:
    """The rig's own settings as variables, less what the test's file sets."""
    return {
        f"PARLEY_{section}__{key}".upper(): str(value)
        for section, values in _DEFAULTS.items()
        for key, value in values.items()
        if key not in given.get(section, {})
    }


def _asked(body: Mapping[str, Any]) -> Asked:
    messages = body["messages"]
    return Asked(
        model=body["model"],
        system="".join(block["text"] for block in body.get("system", [])),
        said=tuple((message["role"], _text(message["content"])) for message in messages),
        blocks=tuple(messages[-1]["content"]),
    )


def _text(content: Iterable[Mapping[str, Any]]) -> str:
    return "\n".join(block["text"] for block in content if block["type"] == "text")


_inbox, _turns, _threads = table(InboxRow), table(TurnRow), table(ThreadRow)
_entries, _files = table(LedgerRow), table(AttachmentRow)


def _turns_of(connection: Connection, message_keys: Sequence[str]) -> dict[str, Any]:
    rows = connection.execute(
        select(
            _turns.c.id, _turns.c.status, _turns.c.outcome, _turns.c.detail, _inbox.c.message_key
        )
        .join(_inbox, _inbox.c.turn_id == _turns.c.id)
        .where(_inbox.c.message_key.in_(message_keys), _turns.c.status.in_(_OVER))
    )
    return {row.message_key: row for row in rows}


def _at_rest(connection: Connection, thread_key: str) -> bool:
    row = connection.execute(
        select(_threads.c.owner, _threads.c.claimable_at).where(_threads.c.key == thread_key)
    ).one_or_none()
    return row is None or (row.owner is None and row.claimable_at is None)


def _let_go(connection: Connection, thread_key: str) -> bool:
    owners = select(_threads.c.owner).where(_threads.c.key == thread_key)
    return connection.execute(owners).scalar_one_or_none() is None


def _ledger(connection: Connection) -> list[Any]:
    return list(connection.execute(select(_entries).order_by(_entries.c.opened_at, _entries.c.id)))


def _attachments(connection: Connection) -> list[str]:
    return list(connection.execute(select(_files.c.sha256)).scalars())


def _turn_count(connection: Connection) -> int:
    return len(connection.execute(select(_turns.c.id)).all())
