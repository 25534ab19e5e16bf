"""`response_url`: answering a command or a button without a token.

https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.slack.call import Args, read_args
from sandbox.slack.content_rules import read_content
from sandbox.slack.errors import SlackError
from sandbox.slack.messages import Change, Message

if TYPE_CHECKING:
    from sandbox.slack.platform import Platform

MAX_USES = 5
LIFETIME_S = 30 * 60.0
"""Five times within half an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something was pressed or called, and by whom."""

    channel_id: str
    user_id: str
    team_id: str
    message_key: str | None = None
    thread_ts: str | None = None


@dataclass(slots=True)
class _Issued:
    place: Place
    until_s: float
    left: int = MAX_USES


@dataclass(slots=True)
class ResponseUrls:
    """Those that were given out."""

    platform: "Platform"
    _issued: dict[str, _Issued] = field(default_factory=dict)

    def routes(self) -> list[web.RouteDef]:
        """Where they lead."""
        return [web.post("/actions/{ticket}", self.answer)]

    def new(self, place: Place) -> str:
        """A new one for that place."""
        ticket = self.platform.ids.secret()
        until_s = self.platform.clock.monotonic() + LIFETIME_S
        self._issued[ticket] = _Issued(place, until_s)
        return f"{self.platform.base_url()}/actions/{ticket}"

    async def answer(self, request: web.Request) -> web.Response:
        """POST a message."""
        issued = self._issued.get(request.match_info["ticket"])
        now_s = self.platform.clock.monotonic()
        try:
            given = await read_args(request)
            self.platform.log.note(at=self.platform.clock.now(), method="response_url", args=given)
            if issued is None:
                return web.Response(status=404, text="no such response_url")
            if issued.left <= 0 or now_s > issued.until_s:
                raise SlackError("used_url" if issued.left <= 0 else "expired_url")
            issued.left -= 1
            self.show(issued.place, given)
        except SlackError as error:
            return web.json_response(error.body(), status=404)
        return web.Response(text="ok")

    def show(self, place: Place, given: Mapping[str, Any]) -> Message | None:
        """Do what a response says: show something, or change or delete what was pressed.

        Raises:
            SlackError: there is nothing to show, or not so.
        """
        args = Args(given)
        pressed = self._pressed(place)
        if args.flag("delete_original"):
            if pressed is not None:
                self.platform.delete(pressed)
            return None
        if set(given) == {"response_type"}:
            return None  # it only says who may see that the command was used
        content = read_content(args)
        if args.flag("replace_original") and pressed is not None:
            kept = replace(content, files=pressed.content.files)
            return self.platform.change(pressed, Change.EDITED, kept)
        installation = self.platform.world.installation(place.team_id)
        channel = self.platform.world.channel(place.channel_id)
        if args.text("response_type") != "in_channel":
            return self.platform.post_ephemeral(
                installation,
                channel,
                content,
                user_id=place.user_id,
                thread_ts=args.text("thread_ts") or place.thread_ts,
            )
        return self.platform.post(
            Message(
                team_id=place.team_id,
                channel_id=place.channel_id,
                ts=self.platform.ids.ts(),
                user_id=installation.bot_user_id,
                bot_id=installation.bot_id,
                thread_ts=args.text("thread_ts") or place.thread_ts,
                versions=self.platform.first_version(content),
            )
        )

    def clear(self) -> None:
        """Let none of them work any more."""
        self._issued.clear()

    def _pressed(self, place: Place) -> Message | None:
        if place.message_key is None:
            return None
        channel_id, _, ts = place.message_key.partition("/")
        return self.platform.messages.get(channel_id, ts)
