"""Where everything comes in: events, commands and presses, over sockets and HTTP alike.

What is to be remembered is made durable before Slack is told that it arrived; everything else is done
beside that.
"""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import structlog

from adapters.slack.asking import asked
from adapters.slack.buttons import pressed
from adapters.slack.commands import called
from adapters.slack.errands import Errands
from adapters.slack.in_order import InOrder
from adapters.slack.parse import events_of
from adapters.slack.payloads import Json, object_in
from adapters.slack.places import DIRECT, channel_of, is_timestamp, thread_in
from adapters.slack.responses import Responses
from adapters.slack.surfaces import Surfaces
from adapters.slack.workspaces import Workspaces
from bot.ports import Intake, IntakeUnavailable, PlatformError
from bot.vocabulary import (
    Clock,
    Event,
    Message,
    MessageReceived,
    Newest,
    Person,
    StopRequested,
    Thread,
)

log = structlog.get_logger(__name__)

MAX_AT_ONCE: Final = 1_000
DRAIN_S: Final = 1.5
OWED_S: Final = 600.0
MAX_OWED: Final = 1_000
PATIENCE_S: Final = (0.2, 0.5, 1.0)
"""Slack waits three seconds (https://docs.slack.dev/interactivity/handling-user-interaction)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What Slack is told; any other status than 200 means that it is to send the same again."""

    status: int = 200
    body: Json = field(default_factory=dict)


TAKEN: Final = Answer()
NOT_NOW: Final = Answer(503)


class Inlet:
    """Understands what Slack sends, and hands it in."""

    def __init__(
        self,
        *,
        workspaces: Workspaces,
        responses: Responses,
        surfaces: Surfaces,
        errands: Errands,
        clock: Clock,
    ) -> None:
        self._workspaces = workspaces
        self._responses = responses
        self._surfaces = surfaces
        self._errands = errands
        self._clock = clock
        self._in_order = InOrder()
        self._owed = Newest[str, float](MAX_OWED)
        """Threads whose beginning could not be made durable, and until when it is waited for."""
        self._at_once = 0
        self._refused_at: datetime | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self.intake: Intake | None = None
        """Where events are handed in; None while the adapter does not run."""

    async def take(self, body: Json) -> Answer:
        """Take in what Slack sent, as one JSON object."""
        if body.get("type") == "url_verification":
            return Answer(200, {"challenge": body.get("challenge")})
        intake = self.intake
        if intake is None or self._at_once >= MAX_AT_ONCE:
            return NOT_NOW
        self._at_once += 1
        self._idle.clear()
        try:
            return await self._take(intake, body)
        except IntakeUnavailable:
            self._refused_at = self._refused_at or self._clock.now()
            return NOT_NOW
        except PlatformError as error:
            log.warning("not taken in, so not acknowledged", error=str(error))
            return NOT_NOW
        except Exception:  # Slack tries three times more, and a defect may depend on the moment
            log.exception("a defect: something that Slack sent could not be taken in")
            return NOT_NOW
        finally:
            self._at_once -= 1
            if not self._at_once:
                self._idle.set()

    def refused_since(self) -> datetime | None:
        """Since when something was turned away that Slack may have given up by now, if it was; asked
        again, only what came since then counts."""
        refused_at, self._refused_at = self._refused_at, None
        return refused_at

    async def drain(self) -> None:
        """Take nothing in any more, and see what is under way to its end, within `DRAIN_S`."""
        self.intake = None
        try:
            async with asyncio.timeout(DRAIN_S):
                await self._idle.wait()
        except TimeoutError:
            log.warning("not everything that Slack sent was taken in; it will send it again")

    async def _take(self, intake: Intake, body: Json) -> Answer:
        workspace = await self._workspaces.workspace_of(body)
        match body.get("type"):
            case "event_callback":
                await self._event(intake, workspace, object_in(body.get("event")))
            case "block_actions":
                await self._press(intake, workspace, body)
            case "message_action":
                self._errands.run("form", self._surfaces.open_form(workspace, body))
            case "view_submission":
                await self._form(intake, workspace, body)
            case _ if body.get("command"):
                return await self._command(intake, workspace, body)
        return TAKEN

    async def _event(self, intake: Intake, workspace: str, event: Json) -> None:
        channel, user = str(event.get("channel") or ""), str(event.get("user") or "")
        match event.get("type"):
            case "message" | "app_mention":
                await self.message(intake, workspace, event)
            case "agent_session_stopped":
                await self._stop(intake, workspace, event)
            case "app_home_opened" if event.get("tab") == "home":
                self._errands.run("home", self._surfaces.show_home(intake, workspace, user))
            case "app_home_opened" if event.get("tab") == "messages" and channel:
                self._errands.run("greeting", self._surfaces.greet(workspace, channel, None))
            case "assistant_thread_started":
                self._greet(workspace, object_in(event.get("assistant_thread")))
            case "app_uninstalled":
                await self._workspaces.lost(workspace)
            case "tokens_revoked" if object_in(event.get("tokens")).get("bot"):
                await self._workspaces.lost(workspace)

    async def message(self, intake: Intake, workspace: str, event: Json) -> None:
        """Hand in what a message event tells. Raises `IntakeUnavailable` and `PlatformError`."""
        bot = await self._workspaces.of(workspace)
        async with self._in_order.turn(f"{workspace}:{event.get('channel')}"):
            for each in events_of(event, bot):
                if isinstance(each, MessageReceived):
                    await self._received(intake, await self._placed(intake, each.message))
                else:
                    await intake.receive(each)

    async def _placed(self, intake: Intake, message: Message) -> Message:
        """The message in its thread: below a message that the bot began with, in that one's. Not every
        event tells whose message a thread began with."""
        if message.thread.id in (DIRECT, message.id):
            return message
        found = await intake.thread_of(message.thread.channel, message.thread.id)
        if found is None or not found.is_new:
            return message
        return replace(message, thread=found)

    async def _received(self, intake: Intake, message: Message) -> None:
        key = message.thread.key
        if not message.addressed and self._owed.get(key, 0.0) > self._clock.monotonic():
            raise IntakeUnavailable("what this follows upon is not durable yet")
        try:
            await intake.receive(MessageReceived(message))
        except IntakeUnavailable:
            if message.addressed:
                self._owe(key)
            raise
        self._owed.pop(key, None)
        if self._surfaces.may_need_title(message):
            self._errands.run("title", self._surfaces.give_title(message))

    def _owe(self, thread_key: str) -> None:
        """Slack will send the beginning again; what follows upon it must not come before it."""
        self._owed[thread_key] = self._clock.monotonic() + OWED_S

    async def _press(self, intake: Intake, workspace: str, body: Json) -> None:
        channel, user = object_in(body.get("channel")), object_in(body.get("user"))
        channel_id = channel.get("id") or object_in(body.get("container")).get("channel_id")
        actions = body.get("actions")
        if not isinstance(channel_id, str) or not user.get("id") or not isinstance(actions, list):
            return
        place, by = channel_of(workspace, channel_id), _person(user)
        for action in actions:
            event = pressed(object_in(action), place, by)
            if event is not None:
                await self._insist(intake, event)

    async def _stop(self, intake: Intake, workspace: str, event: Json) -> None:
        channel_id, thread_ts = event.get("channel"), event.get("thread_ts")
        if isinstance(channel_id, str) and isinstance(thread_ts, str) and is_timestamp(thread_ts):
            channel = channel_of(workspace, channel_id)
            thread = thread_in(channel, ts=thread_ts, thread_ts=thread_ts)
            user = str(event.get("user") or "somebody")
            for each in await self._threads_at(intake, thread):
                await intake.receive(StopRequested(each, Person(user, user)))

    async def _threads_at(self, intake: Intake, thread: Thread) -> tuple[Thread, ...]:
        """The thread, and the one that began with the bot's message there, if one did."""
        found = await intake.thread_of(thread.channel, thread.id)
        return (thread,) if found is None or not found.is_new else (thread, found)

    async def _command(self, intake: Intake, workspace: str, body: Json) -> Answer:
        call = called(body, workspace=workspace, offers=intake.commands(), now=self._clock.now())
        if call is None:
            return TAKEN
        await self._ask(intake, call.message, call.response_url)
        return TAKEN if call.private else Answer(200, {"response_type": "in_channel"})

    async def _form(self, intake: Intake, workspace: str, body: Json) -> None:
        question = asked(body, workspace=workspace, now=self._clock.now())
        if question is not None:
            await self._ask(intake, question.message, question.response_url)

    async def _ask(self, intake: Intake, message: Message, response_url: str) -> None:
        if response_url:
            await self._responses.remember(message.thread, response_url)
        await self._insist(intake, MessageReceived(message))

    async def _insist(self, intake: Intake, event: Event) -> None:
        """Slack sends a press, a form or a command once: while the person waits, it is tried again."""
        for wait_s in PATIENCE_S:
            try:
                return await intake.receive(event)
            except IntakeUnavailable:
                await self._clock.sleep(wait_s)
        return await intake.receive(event)

    def _greet(self, workspace: str, thread: Json) -> None:
        channel, ts = str(thread.get("channel_id") or ""), str(thread.get("thread_ts") or "")
        if channel and is_timestamp(ts):
            self._errands.run("greeting", self._surfaces.greet(workspace, channel, ts))


def _person(user: Json) -> Person:
    user_id = str(user["id"])
    return Person(user_id, str(user.get("name") or user.get("username") or user_id))
