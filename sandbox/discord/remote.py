"""A simulated Discord in another process, with the same controls."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from pydantic import TypeAdapter

from sandbox.changes import WAIT_S
from sandbox.discord.acting import File
from sandbox.discord.faults import Fault
from sandbox.discord.gateway import GatewayRules
from sandbox.discord.interaction_view import InteractionView
from sandbox.discord.orders import GatewayTrouble
from sandbox.discord.rate_limits import RateLimits
from sandbox.discord.request_log import SeenRequest
from sandbox.discord.views import (
    ChannelView,
    MessageView,
    PingView,
    StateView,
    WorldView,
)
from sandbox.feed import Change
from sandbox.remote import RemoteSimulator, SimulatorProcess

T = TypeVar("T")

API = "/api/v10"


class RemoteDiscord(RemoteSimulator):
    """Controls a simulated Discord over HTTP: `async with RemoteDiscord(base_url) as discord`."""

    service = "Discord"

    @property
    def api_url(self) -> str:
        """What `DISCORD_API_URL` must say."""
        return self.base_url + API

    async def order(self, name: str, /, **fields: Any) -> Any:
        """Any order of `Orders`, with what it returns as JSON."""
        return await self._call("POST", name, fields)

    async def say(
        self,
        text: str,
        *,
        by: str = "ada",
        channel: str = "general",
        direct: bool = False,
        reply_to: str | None = None,
        attachments: Sequence[File] = (),
        mention: bool = False,
    ) -> MessageView:
        """`Verbs.say`."""
        files = [
            {
                "name": file.name,
                "content": base64.b64encode(file.content).decode(),
                "content_type": file.content_type,
            }
            for file in attachments
        ]
        said = await self.order(
            "say",
            text=text,
            by=by,
            channel=channel,
            direct=direct,
            reply_to=reply_to,
            files=files,
            mention=mention,
        )
        return _typed(MessageView, said)

    async def edit(self, message: str, text: str) -> None:
        """`Verbs.edit`."""
        await self.order("edit", message=message, text=text)

    async def delete(self, message: str) -> None:
        """`Verbs.delete`."""
        await self.order("delete", message=message)

    async def react(self, message: str, emoji: str, *, by: str = "ada") -> None:
        """`Verbs.react`."""
        await self.order("react", message=message, emoji=emoji, by=by)

    async def press(self, message: str, button: str, *, by: str = "ada") -> InteractionView:
        """`Verbs.press`."""
        pressed = await self.order("press", message=message, button=button, by=by)
        return _typed(InteractionView, pressed)

    async def slash(
        self,
        name: str,
        options: Mapping[str, Any] | None = None,
        *,
        by: str = "ada",
        channel: str = "general",
        direct: bool = False,
    ) -> InteractionView:
        """`Verbs.slash`."""
        run = await self.order(
            "slash", name=name, options=dict(options or {}), by=by, channel=channel, direct=direct
        )
        return _typed(InteractionView, run)

    async def interaction(self, id: str) -> InteractionView:  # noqa: A002 - Discord's own name
        """How far an interaction is."""
        return _typed(InteractionView, await self.order("interaction", id=id))

    async def open_thread(
        self, name: str, *, by: str = "ada", message: str | None = None, channel: str = "general"
    ) -> ChannelView:
        """`Verbs.open_thread`."""
        opened = await self.order("open_thread", name=name, by=by, message=message, channel=channel)
        return _typed(ChannelView, opened)

    async def dm(self, user: str = "ada") -> ChannelView:
        """`Verbs.dm`."""
        return _typed(ChannelView, await self.order("dm", user=user))

    async def fail_next(
        self, *faults: Fault, times: int | None = 1, route: str | None = None
    ) -> None:
        """`Troubles.fail_next`."""
        written = [_plain(Fault, fault) for fault in faults]
        await self.order("fail_next", faults=written, times=times, route=route)

    async def clear_faults(self) -> None:
        """`Troubles.clear_faults`."""
        await self.order("clear_faults")

    async def hold(self, route: str | None = None) -> None:
        """`Troubles.hold`."""
        await self.order("hold", route=route)

    async def release(self) -> None:
        """`Troubles.release`."""
        await self.order("release")

    async def calm(self) -> None:
        """`Troubles.calm`."""
        await self.order("calm")

    async def set_limits(self, limits: RateLimits) -> None:
        """Other rate limits from now on."""
        await self.order("set_limits", limits=_plain(RateLimits, limits))

    async def set_rules(self, rules: GatewayRules) -> None:
        """Another gateway from now on."""
        await self.order("set_rules", rules=_plain(GatewayRules, rules))

    async def gateway(self, trouble: GatewayTrouble, **fields: Any) -> None:
        """`Orders.gateway`: drop, reconnect, invalidate, zombie, withhold, release or duplicate."""
        await self.order("gateway", trouble=trouble, **fields)

    async def world(self) -> WorldView:
        """Who and what there is."""
        return _typed(WorldView, await self._call("GET", "world"))

    async def messages(self, channel: str = "general") -> tuple[MessageView, ...]:
        """`Verbs.messages`."""
        return _typed(tuple[MessageView, ...], await self._get("messages", channel=channel))

    async def visible(self, channel: str = "general", *, to: str | None = None) -> tuple[str, ...]:
        """`Verbs.visible`."""
        return tuple(await self._get("visible", channel=channel, to=to))

    async def pings(self, *, by: str | None = None) -> tuple[PingView, ...]:
        """`Verbs.pings`."""
        return _typed(tuple[PingView, ...], await self._get("pings", by=by))

    async def commands(self) -> list[dict[str, Any]]:
        """The commands that people can choose from in the guild."""
        found: list[dict[str, Any]] = await self._call("GET", "commands")
        return found

    async def requests(self) -> tuple[SeenRequest, ...]:
        """The requests it got, oldest first."""
        return _typed(tuple[SeenRequest, ...], await self._call("GET", "requests"))

    async def state(self) -> StateView:
        """The counts that can be waited for."""
        return _typed(StateView, await self._call("GET", "state"))

    async def changes(self, *, after: int = 0, wait_s: float = WAIT_S) -> tuple[Change, ...]:
        """What changed after that number, as soon as something did; nothing if it did not in time."""
        return _typed(tuple[Change, ...], await self._get("changes", after=after, wait_s=wait_s))

    async def wait_for(self, *, timeout_s: float = WAIT_S, **counts: int) -> StateView:
        """Return once the state has reached these counts. Raises `TimeoutError`."""
        found = await self._call("POST", "wait", {**counts, "timeout_s": timeout_s})
        return _typed(StateView, found)

    async def _get(self, path: str, **query: object) -> Any:
        given = {name: value for name, value in query.items() if value is not None}
        return await self._call("GET", f"{path}?{urlencode(given)}")


class DiscordProcess(SimulatorProcess, RemoteDiscord):
    """A simulated Discord in a process of its own: `async with DiscordProcess() as discord`."""

    module = "sandbox.discord"

    def __init__(self, *, port: int = 0, for_people: bool = False) -> None:
        super().__init__(port=port, options=() if for_people else ("--instant",))


def _plain(kind: type[Any], value: object) -> Any:
    return TypeAdapter[Any](kind).dump_python(value, mode="json")


def _typed(kind: type[T], found: object) -> T:
    return TypeAdapter(kind).validate_python(found)
