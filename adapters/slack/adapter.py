"""Slack as a platform: the port's verbs, and what stands behind each."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from aiohttp.web import RouteDef

from adapters.slack.credentials import SlackConfig
from adapters.slack.doctor import Doctor
from adapters.slack.errors import Refused
from adapters.slack.harmless import size
from adapters.slack.pacing import RateLimits
from adapters.slack.parts import Parts
from adapters.slack.places import NAME, Place, channel_of
from adapters.slack.render import CODE_FILE_OVER_CHARS, MAX_CHARS, content, metadata, told
from adapters.slack.responses import PREFIX, is_response
from adapters.slack.streams import Recipient
from adapters.slack.uploads import is_file
from bot.ports import (
    AdapterSetup,
    AdapterStore,
    Capabilities,
    Intake,
    OutgoingFile,
    Part,
    PlatformError,
    Shown,
    ThreadGone,
)
from bot.vocabulary import (
    Attachment,
    Channel,
    Clock,
    Finding,
    Message,
    Person,
    Thread,
)

_CAPABILITIES: Final = Capabilities(
    max_chars=MAX_CHARS,
    measure=size,
    status=True,
    private_notices=True,
    redelivers=True,
    cards=True,
    code_file_over_chars=CODE_FILE_OVER_CHARS,
)


_MAY_NOT_LOOK: Final = frozenset({"missing_scope", "method_deprecated", "unknown_method"})
"""Looking at channels is refused, which says nothing about whether this one is there."""


class SlackAdapter:
    """One Slack app, in one workspace or in many."""

    def __init__(
        self,
        *,
        config: SlackConfig,
        store: AdapterStore,
        clock: Clock,
        limits: RateLimits | None = None,
    ) -> None:
        self._config = config
        self._parts = Parts(config=config, store=store, clock=clock, limits=limits or RateLimits())

    @classmethod
    def from_setup(cls, setup: AdapterSetup) -> "SlackAdapter":
        """The adapter of this installation. Raises `PlatformError` if something is missing."""
        config = SlackConfig.from_setup(setup)
        return cls(config=config, store=setup.store, clock=setup.clock)

    @property
    def name(self) -> str:
        """`slack`."""
        return NAME

    @property
    def capabilities(self) -> Capabilities:
        """Markdown of 12,000 characters, a status, private notices, cards; unacknowledged events come
        again."""
        return _CAPABILITIES

    @property
    def ready(self) -> bool:
        """It is connected and events arrive."""
        return self._parts.connecting.ready

    def routes(self) -> Sequence[RouteDef]:
        """Where Slack posts events in HTTP mode, and where the app is installed."""
        return self._parts.front.routes()

    async def run(self, intake: Intake) -> None:
        """Connect, fetch what was missed, hand in every event; stay until cancelled.

        Raises:
            PlatformError: it can never work as configured; the message says the remedy.
        """
        await self._parts.connecting.run(intake)

    async def diagnose(self) -> Sequence[Finding]:
        """Tokens, scopes and events, each with a remedy."""
        credentials = self._config.credentials
        doctor = Doctor(
            connection=self._parts.connection,
            bot_token=credentials.bot_token,
            app_token=credentials.app_token,
            mode=self._config.mode,
            scopes=self._config.scopes,
        )
        try:
            return await doctor.diagnose()
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Close what is open; a later verb opens it again."""
        await self._parts.errands.aclose()
        await self._parts.connection.aclose()

    # What the bot says

    async def show_status(self, thread: Thread, text: str | None) -> None:
        """Show that the bot is at work, or take that away."""
        place = await self._place(thread)
        try:
            if text is None:
                await self._parts.signs.hide(thread, place)
            else:
                await self._parts.signs.show(thread, place, text)
        except ThreadGone:
            if not await self._parts.responses.known(thread):
                raise

    async def post(self, thread: Thread, part: Part) -> Shown:
        """Say something new; where the bot is no member, to the asker alone."""
        place = await self._place(thread)
        try:
            shown = await self._post(thread, place, part)
        except ThreadGone:
            if (answered := await self._respond(thread, part)) is None:
                raise
            return answered
        if thread.is_new and place.thread_ts is None:
            await self._parts.places.began(thread, shown.message_id)
        return shown

    async def edit(self, thread: Thread, message_id: str, part: Part) -> Shown:
        """Bring a message of ours to this text."""
        if is_response(message_id):
            await self._respond(thread, part)
            return Shown(message_id)
        if is_file(message_id):
            return Shown(message_id)
        place = await self._place(thread)
        if part.card is not None:
            await self._parts.cards.edit(place, message_id, part, part.card)
            return Shown(message_id)
        return await self._parts.posts.edit(thread, place, message_id, part)

    async def delete(self, thread: Thread, message_id: str) -> None:
        """Take a message away."""
        if not is_response(message_id) and not is_file(message_id):
            await self._parts.posts.delete(await self._place(thread), message_id)

    async def find(self, thread: Thread, mark: str) -> str | None:
        """The message with this mark: text or file, in the thread or at a response address."""
        if await self._parts.responses.was_sent(thread, mark):
            return f"{PREFIX}{mark}"
        place = await self._place(thread)
        try:
            found = await self._parts.posts.find(place, mark)
        except ThreadGone:
            if await self._parts.responses.known(thread):
                return None
            raise
        return found or await self._parts.uploads.find(place, mark)

    async def send_file(self, thread: Thread, file: OutgoingFile) -> str:
        """Send a file as a message of its own."""
        place = await self._place(thread)
        sent = await self._parts.uploads.share(place, file)
        if thread.is_new and place.thread_ts is None and not is_file(sent):
            await self._parts.places.began(thread, sent)
        return sent

    async def notice(self, thread: Thread, person: Person, text: str, mark: str) -> None:
        """Tell one person something: so that only they see it, unless nobody else is there anyway."""
        place = await self._place(thread)
        if place.direct:
            await self._tell_directly(thread, place, text, mark)
            return
        try:
            await self._parts.api.call(
                "chat.postEphemeral",
                place.workspace,
                **place.where,
                **told(text),
                user=person.id,
            )
        except (ThreadGone, Refused):
            if not await self._parts.responses.send(thread, mark, told(text)):
                raise

    # What people say

    async def introduce(self, message: Message) -> Message:
        """The message with names: the author's, and those of whom it mentions."""
        return await self._parts.people.introduce(message)

    async def said_before(self, message: Message) -> Sequence[Message]:
        """What was said in the thread before the bot came."""
        return await self._parts.context.before(message, await self._place(message.thread))

    async def fetch(self, attachment: Attachment, *, max_bytes: int) -> bytes:
        """The content of a file."""
        return await self._parts.files.fetch(attachment, max_bytes=max_bytes)

    async def find_channel(self, target: str) -> Channel:
        """The channel with this id, or the direct conversation with the person whose id it is."""
        problem: PlatformError = PlatformError("the app is installed nowhere")
        workspaces = await self._parts.workspaces.all()
        for workspace in workspaces:
            try:
                return await self._channel_in(workspace, target)
            except PlatformError as error:
                may_look = not (isinstance(error, Refused) and error.code in _MAY_NOT_LOOK)
                if not may_look and len(workspaces) == 1:
                    return channel_of(workspace, target)  # posting there will tell
                problem = error
        raise PlatformError(
            f"slack:{target} can't be reached ({problem}); it must be the id of a channel that the bot "
            "was invited to, or of a person"
        ) from problem

    async def _channel_in(self, workspace: str, target: str) -> Channel:
        api = self._parts.api
        if target.startswith(("U", "W")):
            opened = await api.call("conversations.open", workspace, users=target)
            return channel_of(workspace, str(opened["channel"]["id"]))
        found = (await api.call("conversations.info", workspace, channel=target))["channel"]
        return channel_of(workspace, str(found["id"]), name=str(found.get("name") or ""))

    async def _place(self, thread: Thread) -> Place:
        return await self._parts.places.of(thread)

    async def _post(self, thread: Thread, place: Place, part: Part) -> Shown:
        if part.card is not None:
            self._parts.signs.done(thread, place)
            return Shown(await self._parts.cards.post(place, part, part.card))
        recipient = self._recipient(thread, part)
        return await self._parts.posts.post(thread, place, part, recipient=recipient)

    def _recipient(self, thread: Thread, part: Part) -> Recipient | None:
        """Whom an answer is for: who asked last, or somebody who takes part."""
        asker = self._parts.people.asker(thread.key)
        if asker is not None or not part.may_mention:
            return asker
        return Recipient(min(part.may_mention), thread.channel.workspace)

    async def _respond(self, thread: Thread, part: Part) -> Shown | None:
        """Show it to the asker alone, once it is final, as it can't be changed then; None if there is no
        way to."""
        shown = Shown(f"{PREFIX}{part.mark}")
        if not part.final:
            return shown if await self._parts.responses.known(thread) else None
        told_alone = content(thread, replace(part, choice=None))
        return shown if await self._parts.responses.send(thread, part.mark, told_alone) else None

    async def _tell_directly(self, thread: Thread, place: Place, text: str, mark: str) -> None:
        with contextlib.suppress(ThreadGone):
            await self._parts.api.call(
                "chat.postMessage",
                place.workspace,
                **place.where,
                **told(text),
                metadata=metadata(mark),
            )
            return
        if not await self._parts.responses.send(thread, mark, told(text)):
            raise ThreadGone(f"nothing can be said in {thread.channel.key}")
