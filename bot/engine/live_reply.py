"""The visible reply of one turn: shown while it is being written, exact when it is finished."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from bot.engine.code_files import take_apart
from bot.engine.pace import Pace, retry_delay_s
from bot.engine.reply_messages import VERB_TIMEOUT_S, ReplyMessages, SaveMessageIds
from bot.engine.split import Splitter, show_unfinished
from bot.ports import (
    Adapter,
    Choice,
    Controls,
    OutgoingFile,
    Part,
    PlatformBusy,
    PlatformError,
    PlatformUnavailable,
    ThreadGone,
)
from bot.vocabulary import Card, Clock, Thread

STATUS_TIMEOUT_S: Final = 2.0
"""The sign of being at work must not hold up the text, should it hang."""


class _Stopped(Exception):
    """The background task has come to a place where it may end."""


class LiveReply:
    """Shows a reply through an adapter, and leaves exactly the finished one, whatever happens between.

    One background task shows the newest text, each message at its own pace; a view that comes too
    late is dropped. `finish` and `withdraw` are never dropped: they return when the platform shows
    it, or raise. Messages carry the marks `{turn_id}.{index}`. That somebody deleted a message is
    noticed when it is to change; then it is posted anew.

    `message_ids` are those saved by an earlier attempt, and `recovering` says that there was one:
    then nothing is posted before the platform was asked whether it is there already.
    """

    def __init__(
        self,
        *,
        adapter: Adapter,
        thread: Thread,
        turn_id: str,
        clock: Clock,
        save: SaveMessageIds,
        message_ids: Sequence[str] = (),
        recovering: bool = False,
        status_text: str = "is thinking…",
        placeholder: str = "…",
        buttons: bool = True,
        may_mention: frozenset[str] = frozenset(),
        answers: str | None = None,
        verb_timeout_s: float = VERB_TIMEOUT_S,
    ) -> None:
        self._adapter = adapter
        self._thread = thread
        self._turn_id = turn_id
        self._clock = clock
        self._status_text = status_text
        self._placeholder = placeholder
        self._buttons = buttons
        self._may_mention = may_mention
        self._answers = answers
        self._splitter = Splitter(adapter.capabilities)
        self._messages = ReplyMessages(
            adapter=adapter,
            thread=thread,
            turn_id=turn_id,
            clock=clock,
            save=save,
            saved_ids=message_ids,
            recovering=recovering,
            verb_timeout_s=verb_timeout_s,
        )
        self._text = ""
        self._choice: Choice | None = None
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._napping = False
        self._status_shown = False
        self.feedback_at: float | None = None
        """When the person first saw that the bot is at work, by the clock's `monotonic`."""
        self.first_text_at: float | None = None
        """When the person first saw text of the answer, by the clock's `monotonic`."""

    @property
    def message_ids(self) -> list[str]:
        """The messages that show the reply now, in order."""
        return self._messages.ids

    @property
    def lost(self) -> BaseException | None:
        """What ended the background task, such as `ThreadGone`: writing on would be in vain. `finish`
        raises it."""
        if self._task is None or not self._task.done() or self._task.cancelled():
            return None
        return self._task.exception()

    async def begin(self) -> None:
        """Start to show something, first of all a sign that the bot is at work. Returns at once: the
        work on the answer need not wait for the platform."""
        if self._task is None:
            self._task = asyncio.create_task(self._follow(), name=f"reply {self._turn_id}")

    def update(self, text: str) -> None:
        """The whole text so far. Cheap: whether and when it is shown is the background task's affair."""
        self._text = text
        self._news.set()

    def ask(self, choice: Choice | None) -> None:
        """Put a question with buttons under the text; None takes it away."""
        self._choice = choice
        self._news.set()

    async def finish(
        self,
        markdown: str,
        *,
        deadline: float,
        to_be_rated: bool = False,
        card: Card | None = None,
        picture: OutgoingFile | None = None,
    ) -> None:
        """Bring the visible reply to exactly `markdown`, in as many messages as it takes; what is
        shown beyond that is deleted.

        With `to_be_rated` people are asked under the last one whether it was any good. A `card` takes the
        place of the text in its first message, with its `picture`, where the platform has cards.
        `deadline` is a time of the clock's `monotonic`. May be called again if the platform failed.

        Raises:
            PlatformBusy, PlatformUnavailable: it could not be done before the deadline.
            ThreadGone: nothing can be said here any more.
            PlatformError: the platform refused it.
            Exception: whatever `save` raised; what is shown then is found by a recovering reply.
        """
        await self._stop()
        texts = self._splitter.parts(markdown)
        if not self._adapter.capabilities.cards:
            card = picture = None
        if card is not None:
            texts = texts[:1]  # a card says it all, in one message
        for index, text in enumerate(texts):
            message, part = self._messages[index], self._part(index, text, final=True)
            if index == len(texts) - 1:
                controls = Controls.RATE if to_be_rated and self._buttons else Controls.NONE
                part = replace(part, controls=controls, card=card, picture=picture)
            if not message.shows(part):
                bring = partial(self._messages.bring, index, part)
                await self._insist(bring, message.pace, deadline)
            self._seen(text=True)
        await self._drop_from(len(texts), deadline)
        await self._end_status()

    async def withdraw(self, *, deadline: float) -> None:
        """Take away all that is shown, and the sign of being at work, even one that an earlier
        attempt left behind. Raises like `finish`."""
        await self._stop()
        await self._drop_from(0, deadline)
        left_behind = self._messages.recovering and self._adapter.capabilities.status
        if self._status_shown or left_behind:
            await self._show_status(None)

    async def aclose(self) -> None:
        """Leave what is shown as it is and end the background task, without asking the platform."""
        if self._task is not None:
            self._stopping = True
            self._task.cancel()
            await asyncio.wait({self._task})
            _ = self.lost  # seen: who closes without finishing has no use for it

    async def _follow(self) -> None:
        """The background task."""
        try:
            await self._give_feedback()
            while True:
                await self._nap(self._news.wait)
                self._news.clear()
                while (pause_s := await self._show_newest()) is not None:
                    await self._nap(partial(self._clock.sleep, pause_s))
        except _Stopped:
            return

    async def _nap(self, waiting: Callable[[], Awaitable[object]]) -> None:
        """Wait; in here, and only in here, the task may be cancelled at no cost."""
        if self._stopping:
            raise _Stopped
        self._napping = True
        try:
            await waiting()
        finally:
            self._napping = False

    async def _stop(self) -> None:
        """End the background task without tearing a request to the platform apart."""
        self._stopping = True
        if self._task is None:
            return
        if self._napping:
            self._task.cancel()
        await asyncio.wait({self._task})
        if (lost := self.lost) is not None:
            raise lost

    async def _give_feedback(self) -> None:
        if self._text or self._stopping:
            return
        if self._adapter.capabilities.status:
            await self._show_status(self._status_text)
        elif not self._messages.ids:
            await self._try_to_bring(0, self._part(0, self._placeholder, final=False))
            self._messages[0].pace.hurry()

    async def _show_status(self, text: str | None) -> None:
        """Show the sign or take it away; the answer counts, and it is shown by other requests."""
        self._status_shown = text is not None
        try:
            verb = self._adapter.show_status(self._thread, text)
            await self._messages.ask(verb, timeout_s=STATUS_TIMEOUT_S)
        except ThreadGone:
            raise
        except PlatformError:
            return
        self._seen(text=False)

    async def _show_newest(self) -> float | None:
        """Bring every message to its newest state, as far as it may be changed now. Returns the
        seconds until the next change is due, None if nothing is left to show."""
        pauses_s: list[float] = []
        for index, part in enumerate(self._newest_parts()):
            if self._stopping:
                return 0.0
            message = self._messages[index]
            if not message.shows(part) and message.pace.pause_s <= 0:
                await self._try_to_bring(index, part)
            if not message.shows(part):
                pauses_s.append(message.pace.pause_s)
            if message.id is None:
                break  # the next may not stand above it
        return min(pauses_s, default=None)

    async def _try_to_bring(self, index: int, part: Part) -> None:
        """One attempt; a failure only puts off the next one."""
        try:
            await self._messages.bring(index, part)
        except ThreadGone:
            raise
        except PlatformError as error:
            self._messages[index].pace.failed(error)
        else:
            self._seen(text=bool(self._text))

    def _newest_parts(self) -> list[Part]:
        """What each message should show now."""
        text, choice = take_apart(self._text, self._adapter.capabilities).markdown, self._choice
        if choice is not None:
            text = f"{text}\n\n{choice.question}" if text.strip() else choice.question
        pieces = [piece for piece in self._splitter.slices(text) if not piece.blank]
        if not pieces:
            return []
        *settled, newest = (piece.shown for piece in pieces)
        parts = [self._part(index, shown, final=True) for index, shown in enumerate(settled)]
        unfinished = self._unfinished(newest)
        if unfinished.strip():
            parts.append(self._part(len(parts), unfinished, final=False, choice=choice))
        return parts

    def _part(
        self, index: int, markdown: str, *, final: bool, choice: Choice | None = None
    ) -> Part:
        stoppable = self._buttons and not final and choice is None
        return Part(
            self._messages.mark_of(index),
            markdown,
            final,
            choice,
            controls=Controls.STOP if stoppable else Controls.NONE,
            may_mention=self._may_mention,
            answers=self._answers,
        )

    def _unfinished(self, markdown: str) -> str:
        """The last part as it stands: with open code closed, if there is room for that."""
        view, capabilities = show_unfinished(markdown), self._adapter.capabilities
        return view if capabilities.measure(view) <= capabilities.max_chars else markdown

    async def _drop_from(self, count: int, deadline: float) -> None:
        while len(self._messages) > count:
            pace = self._messages[len(self._messages) - 1].pace
            await self._insist(self._messages.drop_last, pace, deadline)

    async def _end_status(self) -> None:
        """Take the sign away where no message has done so."""
        if self._status_shown and not self._messages.ids:
            await self._show_status(None)

    async def _insist(
        self, action: Callable[[], Awaitable[None]], pace: Pace, deadline: float
    ) -> None:
        """Repeat `action` until it succeeds, as long as the deadline leaves time to."""
        if pace.forbidden_s > 0:
            await self._clock.sleep(min(pace.forbidden_s, deadline - self._clock.monotonic()))
        failures = 0
        while True:
            try:
                return await action()
            except (PlatformBusy, PlatformUnavailable) as error:
                delay_s = retry_delay_s(error, failures)
                if self._clock.monotonic() + delay_s >= deadline:
                    raise
            failures += 1
            await self._clock.sleep(delay_s)

    def _seen(self, *, text: bool) -> None:
        now = self._clock.monotonic()
        if self.feedback_at is None:
            self.feedback_at = now
        if text and self.first_text_at is None:
            self.first_text_at = now
