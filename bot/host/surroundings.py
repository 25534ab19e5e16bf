"""What plugins can do wherever they run: read threads, speak up, put questions to the bot."""

from collections.abc import Sequence
from datetime import datetime

from bot.plugins import Answer, NotHere, Said, ThreadSummary, Told
from bot.plugins.answers import MAX_FILE_BYTES, File
from bot.plugins.context import Surroundings
from bot.ports import Intake
from bot.vocabulary import PARLEY, Channel, Message, MessageReceived, Person, StoredFile, Thread
from storage import history, threads
from storage.database import Database

MAX_THREADS = 200


class HostSurroundings(Surroundings):
    """Everything that needs neither a reply nor a platform; `channel` is where, if anywhere."""

    def __init__(
        self, *, database: Database, intake: Intake, plugin: str, channel: Channel | None
    ) -> None:
        self._database = database
        self._intake = intake
        self._plugin = plugin
        self._channel = channel

    async def history(self, thread: Thread) -> Sequence[Said]:
        """What was said in a thread of this channel."""
        if self._channel is not None and thread.channel != self._channel:
            raise Told("I can only look at threads of this channel.")
        rows = await self._database.read(history.window, thread.key, start=0)
        return [Said(row.role, _text(row.content)) for row in rows]

    async def threads(self, since: datetime) -> Sequence[ThreadSummary]:
        """The threads of this channel that were active since then, newest first."""
        if self._channel is None:
            raise NotHere("there is no channel on this occasion")
        found = await self._database.read(
            threads.recent_in_channel, self._channel.key, since=since, limit=MAX_THREADS
        )
        return [ThreadSummary(thread, last_at) for thread, last_at in found]

    async def post(self, channel: Channel, answer: Answer, key: str) -> None:
        """An announcement: it goes through the inbox as any message does, and so is said once."""
        files = await stored(self._database, answer.files)
        await self._put(channel, PARLEY, answer.text, key, announcement=True, files=files)

    async def ask_bot(self, channel: Channel, person: Person, text: str, key: str) -> None:
        """A question in somebody's name."""
        await self._put(channel, person, text, key, announcement=False, files=())

    async def _put(
        self,
        channel: Channel,
        author: Person,
        text: str,
        key: str,
        *,
        announcement: bool,
        files: tuple[StoredFile, ...],
    ) -> None:
        kind = "announcement" if announcement else "question"
        thread = Thread.begun(channel, f"{self._plugin} {kind} {channel.key} {key}")
        message = Message(
            thread=thread,
            id=thread.id,
            author=author,
            text=text,
            sent_at=self._database.now(),
            addressed=True,
            announcement=announcement,
            files=files,
        )
        await self._intake.receive(MessageReceived(message))


async def stored(database: Database, files: Sequence[File]) -> tuple[StoredFile, ...]:
    """Keep the bytes of files that are to be sent. Raises `Told` if one is too large."""
    kept = []
    for file in files:
        if len(file.content) > MAX_FILE_BYTES:
            raise Told(
                f"{file.name} has become too large to be sent ({len(file.content):,} bytes)."
            )
        sha256 = await database.write(
            history.keep_attachment, file.content, file.media_type, now=database.now()
        )
        kept.append(StoredFile(file.name, file.media_type, sha256))
    return tuple(kept)


def _text(content: Sequence[dict[str, object]]) -> str:
    return "\n".join(str(block["text"]) for block in content if block.get("type") == "text")
