"""A platform that a turn may change only while its thread is surely its own."""

from collections.abc import Callable, Sequence
from typing import Final

from bot.ports import Adapter, Capabilities, Intake, OutgoingFile, Part, PlatformBusy, Shown
from bot.vocabulary import Attachment, Channel, Message, Person, Thread

ASK_AGAIN_S: Final = 0.5
"""After this long a heartbeat may have renewed the lease, or told that it is lost."""


class LeasedAdapter(Adapter):
    """Passes everything on, but shows, changes and deletes nothing once the lease may have run out.

    The fencing token keeps a replica that was frozen from writing to the database; this keeps it from
    writing over the reply that another replica has finished meanwhile.
    """

    def __init__(self, adapter: Adapter, *, is_held: Callable[[], bool]) -> None:
        self._adapter = adapter
        self._is_held = is_held

    @property
    def name(self) -> str:
        """The platform's."""
        return self._adapter.name

    @property
    def capabilities(self) -> Capabilities:
        """The platform's."""
        return self._adapter.capabilities

    @property
    def ready(self) -> bool:
        """The platform's."""
        return self._adapter.ready

    async def run(self, intake: Intake) -> None:
        """As the platform."""
        await self._adapter.run(intake)

    async def show_status(self, thread: Thread, text: str | None) -> None:
        """As the platform, under the lease."""
        self._check(thread)
        await self._adapter.show_status(thread, text)

    async def post(self, thread: Thread, part: Part) -> Shown:
        """As the platform, under the lease."""
        self._check(thread)
        return await self._adapter.post(thread, part)

    async def edit(self, thread: Thread, message_id: str, part: Part) -> Shown:
        """As the platform, under the lease."""
        self._check(thread)
        return await self._adapter.edit(thread, message_id, part)

    async def send_file(self, thread: Thread, file: OutgoingFile) -> str:
        """As the platform, under the lease."""
        self._check(thread)
        return await self._adapter.send_file(thread, file)

    async def delete(self, thread: Thread, message_id: str) -> None:
        """As the platform, under the lease."""
        self._check(thread)
        await self._adapter.delete(thread, message_id)

    async def find(self, thread: Thread, mark: str) -> str | None:
        """As the platform."""
        return await self._adapter.find(thread, mark)

    async def notice(self, thread: Thread, person: Person, text: str, mark: str) -> None:
        """As the platform."""
        await self._adapter.notice(thread, person, text, mark)

    async def introduce(self, message: Message) -> Message:
        """As the platform."""
        return await self._adapter.introduce(message)

    async def find_channel(self, target: str) -> Channel:
        """As the platform."""
        return await self._adapter.find_channel(target)

    async def said_before(self, message: Message) -> Sequence[Message]:
        """As the platform."""
        return await self._adapter.said_before(message)

    async def fetch(self, attachment: Attachment, *, max_bytes: int) -> bytes:
        """As the platform."""
        return await self._adapter.fetch(attachment, max_bytes=max_bytes)

    async def aclose(self) -> None:
        """As the platform."""
        await self._adapter.aclose()

    def _check(self, thread: Thread) -> None:
        if not self._is_held():
            raise PlatformBusy(
                f"the lease on {thread.key} may have run out", retry_after_s=ASK_AGAIN_S
            )
