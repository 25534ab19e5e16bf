"""What can be seen: messages as they are and as they look, pings, statuses, calls and deliveries."""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.changes import WAIT_S
from sandbox.feed import Feed
from sandbox.slack.envelopes import DeliveryRecord
from sandbox.slack.messages import Message
from sandbox.slack.pings import Ping, pings_of
from sandbox.slack.platform import Platform
from sandbox.slack.render import Renderer, Visible
from sandbox.slack.request_log import SeenCall
from sandbox.slack.surfaces import AgentStatus
from sandbox.slack.world import UnknownEntity


class Looking:
    """Looking at it from outside."""

    _platform: Platform

    def messages(
        self, channel: str = "general", thread_ts: str | None = None
    ) -> tuple[Message, ...]:
        """Everything ever said there or in that thread, deleted and ephemeral ones too, oldest first."""
        found = self._platform.world.channel(channel)
        if thread_ts is not None:
            return self._platform.messages.of_thread(found.id, thread_ts)
        return self._platform.messages.of_channel(found.id)

    def visible(
        self,
        channel: str = "general",
        thread_ts: str | None = None,
        *,
        to: str | None = None,
        by_app: bool | None = None,
    ) -> tuple[Visible, ...]:
        """What is shown there now. Ephemeral messages are shown if `to` is None or their person;
        `by_app` True leaves the bot's alone, False the others'."""
        user_id = None if to is None else self._platform.world.user(to).id
        renderer = Renderer(self._platform.world)
        return tuple(
            renderer.visible(message)
            for message in self.messages(channel, thread_ts)
            if message.deleted_at is None
            and (message.ephemeral_for is None or user_id in (None, message.ephemeral_for))
            and by_app in (None, message.bot_id is not None)
        )

    def shown(self, message: Message | str) -> Visible | None:
        """A message as it looks now; None if it was deleted."""
        found = self.find(message)
        return None if found.deleted_at else Renderer(self._platform.world).visible(found)

    def text_of(self, message: Message) -> str:
        """What a person reads in it now."""
        return Renderer(self._platform.world).text(message.content)

    def history_of(self, message: Message | str) -> tuple[str, ...]:
        """What a person has read in it over time, oldest first."""
        renderer = Renderer(self._platform.world)
        found = self.find(message)
        return tuple(renderer.text(version.content) for version in found.versions)

    def find(self, message: Message | str) -> Message:
        """The message as it is now, by itself or by its `key`. Raises `UnknownEntity`."""
        key = message if isinstance(message, str) else message.key
        channel_id, _, ts = key.partition("/")
        found = self._platform.messages.get(channel_id, ts)
        if found is None:
            raise UnknownEntity(f"no message {key!r}")
        return found

    @property
    def pings(self) -> tuple[Ping, ...]:
        """Whom the app's messages have notified, in all versions, ephemeral and deleted ones too."""
        ours = {each.bot_id for each in self._platform.world.installations}
        return tuple(
            ping
            for message in self._platform.messages.everything()
            if message.bot_id in ours
            for ping in pings_of(message)
        )

    @property
    def requests(self) -> tuple[SeenCall, ...]:
        """The last calls of the Web API, oldest first."""
        return self._platform.log.seen

    def calls(self, method: str) -> tuple[SeenCall, ...]:
        """The last calls of one method, oldest first."""
        return tuple(call for call in self._platform.log.seen if call.method == method)

    @property
    def deliveries(self) -> tuple[DeliveryRecord, ...]:
        """The last events, commands and interactions, and what became of them, oldest first."""
        return self._platform.courier.records

    def status(self, channel: str, thread_ts: str) -> AgentStatus:
        """What the app says it is doing in a thread."""
        found = self._platform.world.channel(channel)
        return self._platform.surfaces.status(found.id, thread_ts)

    @property
    def statuses(self) -> tuple[AgentStatus, ...]:
        """Every status that was ever shown, oldest first."""
        return tuple(self._platform.surfaces.status_log)

    def home_of(self, user: str) -> Mapping[str, Any] | None:
        """The app's home as that person sees it; None if it was never published."""
        return self._platform.surfaces.homes.get(self._platform.world.user(user).id)

    @property
    def views(self) -> tuple[Mapping[str, Any], ...]:
        """The modals and homes that are shown, oldest first."""
        return tuple(self._platform.surfaces.views.values())

    @property
    def sockets(self) -> int:
        """How many sockets are open."""
        return self._platform.sockets.count

    @property
    def sockets_opened(self) -> int:
        """How many sockets were ever opened."""
        return self._platform.sockets.opened

    @property
    def acked(self) -> int:
        """How many deliveries were acknowledged."""
        return self._platform.courier.acked

    @property
    def lost(self) -> int:
        """How many deliveries were given up."""
        return self._platform.courier.lost

    @property
    def held(self) -> int:
        """How many calls are being held now."""
        return self._platform.holds.held

    @property
    def call_counts(self) -> dict[str, int]:
        """How often each method was called."""
        return dict(self._platform.log.counts)

    @property
    def feed(self) -> Feed:
        """What changed, for those who follow along."""
        return self._platform.feed

    async def until(
        self, condition: Callable[[], object], *, what: str = "it", timeout_s: float = WAIT_S
    ) -> None:
        """Return once a condition on what can be seen holds. Raises `TimeoutError`."""
        await self._platform.changes.until(
            lambda: bool(condition()), what=what, timeout_s=timeout_s
        )

    async def wait_for_sockets(self, count: int = 1, *, timeout_s: float = WAIT_S) -> None:
        """Return once that many sockets are open. Raises `TimeoutError`."""
        sockets = self._platform.sockets
        await self.until(
            lambda: sockets.count >= count, what=f"{count} sockets", timeout_s=timeout_s
        )

    async def wait_for_call(
        self, method: str, count: int = 1, *, timeout_s: float = WAIT_S
    ) -> None:
        """Return once a method has been called that often. Raises `TimeoutError`."""
        counts = self._platform.log.counts
        await self.until(
            lambda: counts[method] >= count, what=f"{count} calls of {method}", timeout_s=timeout_s
        )

    async def wait_for_acks(self, count: int = 1, *, timeout_s: float = WAIT_S) -> None:
        """Return once that many deliveries were acknowledged. Raises `TimeoutError`."""
        courier = self._platform.courier
        await self.until(
            lambda: courier.acked >= count, what=f"{count} acknowledgements", timeout_s=timeout_s
        )

    async def wait_for_held(self, count: int = 1, *, timeout_s: float = WAIT_S) -> None:
        """Return once that many calls are being held. Raises `TimeoutError`."""
        holds = self._platform.holds
        await self.until(
            lambda: holds.held >= count, what=f"{count} held calls", timeout_s=timeout_s
        )
