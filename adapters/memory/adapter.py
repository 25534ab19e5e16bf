"""The adapter of the platform in memory: what the ports ask for, in the fewest lines."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Final

from adapters.memory.platform import Fault, MemoryPlatform
from bot.ports import (
    MAX_MARK_CHARS,
    Capabilities,
    Intake,
    IntakeUnavailable,
    MessageGone,
    OutgoingFile,
    Part,
    PlatformError,
    Shown,
)
from bot.vocabulary import Attachment, Channel, Message, Person, Thread

HAND_IN_AGAIN_S: Final = 0.5
"""How long the adapter waits when an event could not be made durable."""


class MemoryAdapter:
    """Speaks to a `MemoryPlatform`; the model of what the ports ask for, in the fewest lines."""

    def __init__(
        self,
        *,
        platform: MemoryPlatform | None = None,
        capabilities: Capabilities | None = None,
        next_change_in_s: float = 0.0,
    ) -> None:
        self.platform = platform or MemoryPlatform()
        self.capabilities = capabilities or Capabilities(max_chars=2000)
        self.ready = False
        self._next_change_in_s = next_change_in_s

    @property
    def name(self) -> str:
        """The platform's name."""
        return self.platform.name

    async def run(self, intake: Intake) -> None:
        """Hand in what happened since the last acknowledged event, and whatever happens from now on."""
        self.ready = True
        try:
            while True:
                await self._hand_in(intake)
                self.platform.happened.clear()
                await self.platform.happened.wait()
        finally:
            self.ready = False

    async def _hand_in(self, intake: Intake) -> None:
        platform = self.platform
        while platform.acknowledged < len(platform.events):
            number = platform.acknowledged
            try:
                await intake.receive(platform.events[number])
            except IntakeUnavailable:
                platform.refusals += 1
                await platform.clock.sleep(HAND_IN_AGAIN_S)
            else:  # another replica may have handed in more meanwhile
                platform.acknowledged = max(platform.acknowledged, number + 1)

    async def show_status(self, thread: Thread, text: str | None) -> None:
        """Show or take away the sign; a message takes it away too."""
        fault = await self.platform.request("show_status", thread)
        if text is None:
            self.platform.status.pop(thread.key, None)
        else:
            self.platform.status[thread.key] = text
        _raise_late(fault)

    async def post(self, thread: Thread, part: Part) -> Shown:
        """Show a new message."""
        fault = await self.platform.request("post", thread)
        self._check(part)
        posted = self.platform.put(thread, part)
        _raise_late(fault)
        return Shown(posted.id, self._next_change_in_s)

    async def edit(self, thread: Thread, message_id: str, part: Part) -> Shown:
        """Change a message."""
        fault = await self.platform.request("edit", thread)
        self._check(part)
        posted = self.platform.posted.get(message_id)
        if posted is None or posted.deleted:
            raise MessageGone(f"{message_id} is gone")
        self.platform.rewrite(posted, part)
        _raise_late(fault)
        return Shown(message_id, self._next_change_in_s)

    async def send_file(self, thread: Thread, file: OutgoingFile) -> str:
        """Show a file."""
        fault = await self.platform.request("send_file", thread)
        posted = self.platform.put(
            thread, Part(mark=file.mark, markdown=f"[{file.name}]", final=True), file=file
        )
        _raise_late(fault)
        return posted.id

    async def delete(self, thread: Thread, message_id: str) -> None:
        """Take a message away."""
        fault = await self.platform.request("delete", thread)
        if message_id in self.platform.posted:
            self.platform.posted[message_id].deleted = True
        _raise_late(fault)

    async def find(self, thread: Thread, mark: str) -> str | None:
        """The message with this mark."""
        await self.platform.request("find", thread)
        posted = self.platform.marked(thread, mark)
        return posted.id if posted else None

    async def notice(self, thread: Thread, person: Person, text: str, mark: str) -> None:
        """A sentence that is not a reply."""
        fault = await self.platform.request("notice", thread)
        part = Part(mark=mark, markdown=text, final=True)
        self._check(part)
        self.platform.put(thread, part, notice_for=person)
        _raise_late(fault)

    async def introduce(self, message: Message) -> Message:
        """The author as the platform knows them by now."""
        await self.platform.request("introduce", message.thread)
        author = self.platform.people.get(message.author.id, message.author)
        return replace(message, author=author)

    async def find_channel(self, target: str) -> Channel:
        """Every channel is there, and is shared."""
        await self.platform.request("find_channel", None)
        return self.platform.thread(channel=target).channel

    async def said_before(self, message: Message) -> Sequence[Message]:
        """What people said in the thread before."""
        await self.platform.request("said_before", message.thread)
        said = self.platform.said(message.thread)
        return list(takewhile(lambda other: other.id != message.id, said))

    async def fetch(self, attachment: Attachment, *, max_bytes: int) -> bytes:
        """An attachment's content, which is its `source` in UTF-8."""
        await self.platform.request("fetch", None)
        content = attachment.source.encode()
        if len(content) > max_bytes:
            raise PlatformError(f"{attachment.name} has {len(content)} bytes, over {max_bytes}")
        return content

    def _check(self, part: Part) -> None:
        """What real platforms refuse too."""
        length = self.capabilities.measure(part.markdown)
        if length > self.capabilities.max_chars:
            raise PlatformError(
                f"the message measures {length}, over {self.capabilities.max_chars}"
            )
        if not part.markdown.strip():
            raise PlatformError("the message is blank")
        if len(part.mark) > MAX_MARK_CHARS:
            raise PlatformError(f"the mark {part.mark} is longer than {MAX_MARK_CHARS} characters")

    async def aclose(self) -> None:
        """Nothing is held."""


def _raise_late(fault: Fault | None) -> None:
    if fault is not None and fault.error is not None:
        raise fault.error
