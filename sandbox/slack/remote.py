"""A simulated Slack in another process, with the same controls."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python

from sandbox.changes import WAIT_S
from sandbox.feed import Change
from sandbox.remote import SimulatorProcess
from sandbox.slack.default_world import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET
from sandbox.slack.envelopes import DeliveryRecord, Redelivery
from sandbox.slack.faults import Fault
from sandbox.slack.limits import RateLimits
from sandbox.slack.messages import Message
from sandbox.slack.pings import Ping
from sandbox.slack.remote_acting import RemoteActing, Said, key_of
from sandbox.slack.render import Visible
from sandbox.slack.request_log import SeenCall
from sandbox.slack.surfaces import AgentStatus


class RemoteSlack(RemoteActing):
    """Controls a simulated Slack over HTTP: `async with RemoteSlack(base_url) as slack`.

    The verbs are those of `SimulatedSlack`, to be awaited.
    """

    bot_token = BOT_TOKEN
    app_token = APP_TOKEN
    signing_secret = SIGNING_SECRET

    @property
    def api_url(self) -> str:
        """What `SLACK_API_URL` must say."""
        return f"{self.base_url}/api/"

    async def messages(
        self, channel: str = "general", thread_ts: str | None = None
    ) -> tuple[Message, ...]:
        """`SimulatedSlack.messages`."""
        return await self._ask(
            "messages", tuple[Message, ...], channel=channel, thread_ts=thread_ts
        )

    async def visible(
        self,
        channel: str = "general",
        thread_ts: str | None = None,
        *,
        to: str | None = None,
        by_app: bool | None = None,
    ) -> tuple[Visible, ...]:
        """`SimulatedSlack.visible`."""
        return await self._ask(
            "visible", tuple[Visible, ...], channel=channel, thread_ts=thread_ts, to=to,
            by_app=by_app,
        )  # fmt: skip

    async def find(self, message: Said) -> Message:
        """`SimulatedSlack.find`."""
        return await self._ask("find", Message, message=key_of(message))

    async def shown(self, message: Said) -> Visible | None:
        """`SimulatedSlack.shown`."""
        found = await self._tell("shown", message=key_of(message))
        return None if found is None else TypeAdapter(Visible).validate_python(found)

    async def history_of(self, message: Said) -> tuple[str, ...]:
        """`SimulatedSlack.history_of`."""
        return await self._ask("history_of", tuple[str, ...], message=key_of(message))

    async def status(self, channel: str, thread_ts: str) -> AgentStatus:
        """`SimulatedSlack.status`."""
        return await self._ask("status", AgentStatus, channel=channel, thread_ts=thread_ts)

    async def statuses(self) -> tuple[AgentStatus, ...]:
        """`SimulatedSlack.statuses`."""
        return await self._look("statuses", tuple[AgentStatus, ...])

    async def views(self) -> tuple[dict[str, Any], ...]:
        """`SimulatedSlack.views`."""
        return await self._look("views", tuple[dict[str, Any], ...])

    async def home_of(self, user: str) -> dict[str, Any] | None:
        """`SimulatedSlack.home_of`."""
        found: dict[str, Any] | None = await self._tell("home_of", user=user)
        return found

    async def pings(self) -> tuple[Ping, ...]:
        """`SimulatedSlack.pings`."""
        return await self._look("pings", tuple[Ping, ...])

    async def requests(self) -> tuple[SeenCall, ...]:
        """`SimulatedSlack.requests`."""
        return await self._look("requests", tuple[SeenCall, ...])

    async def calls(self, method: str) -> tuple[SeenCall, ...]:
        """`SimulatedSlack.calls`."""
        return await self._ask("calls", tuple[SeenCall, ...], method=method)

    async def deliveries(self) -> tuple[DeliveryRecord, ...]:
        """`SimulatedSlack.deliveries`."""
        return await self._look("deliveries", tuple[DeliveryRecord, ...])

    async def fail_next(
        self, *faults: Fault, times: int | None = 1, method: str | None = None
    ) -> None:
        """`SimulatedSlack.fail_next`."""
        order = {"faults": to_jsonable_python(faults), "times": times, "method": method}
        await self._call("POST", "faults", order)

    async def clear_faults(self) -> None:
        """Let everything succeed again."""
        await self._call("DELETE", "faults")

    async def change_settings(
        self,
        *,
        limits: RateLimits | None = None,
        redelivery: Redelivery | None = None,
        stream_lifetime_s: float | None = None,
        mention_first: bool | None = None,
    ) -> None:
        """`SimulatedSlack.change_settings`."""
        order = {
            "limits": to_jsonable_python(limits),
            "redelivery": to_jsonable_python(redelivery),
            "stream_lifetime_s": stream_lifetime_s,
            "mention_first": mention_first,
        }
        await self._call("PUT", "settings", order)

    async def hold(self, method: str | None = None, *, after: bool = False) -> None:
        """`SimulatedSlack.hold`."""
        await self._tell("hold", method=method, after=after)

    async def release(self) -> None:
        """`SimulatedSlack.release`."""
        await self._tell("release")

    async def hold_events(self) -> None:
        """`SimulatedSlack.hold_events`."""
        await self._tell("hold_events")

    async def release_events(self, *, reverse: bool = False) -> None:
        """`SimulatedSlack.release_events`."""
        await self._tell("release_events", reverse=reverse)

    async def repeat_events(self, last: int = 1) -> None:
        """`SimulatedSlack.repeat_events`."""
        await self._tell("repeat_events", last=last)

    async def withhold_acks(self, times: int = 1) -> None:
        """`SimulatedSlack.withhold_acks`."""
        await self._tell("withhold_acks", times=times)

    async def drop_sockets(self, *, reset: bool = True) -> None:
        """`SimulatedSlack.drop_sockets`."""
        await self._tell("drop_sockets", reset=reset)

    async def refresh_sockets(self, reason: str = "refresh_requested") -> None:
        """`SimulatedSlack.refresh_sockets`."""
        await self._tell("refresh_sockets", reason=reason)

    async def freeze_sockets(self) -> None:
        """`SimulatedSlack.freeze_sockets`."""
        await self._tell("freeze_sockets")

    async def push_to(self, url: str | None) -> None:
        """`SimulatedSlack.push_to`."""
        await self._tell("push_to", url=url)

    async def forge_signatures(self, times: int = 1) -> None:
        """`SimulatedSlack.forge_signatures`."""
        await self._tell("forge_signatures", times=times)

    async def verify_url(self) -> bool:
        """`SimulatedSlack.verify_url`."""
        return await self._ask("verify_url", bool)

    async def unsubscribe(self, events: Sequence[str]) -> None:
        """`SimulatedSlack.unsubscribe`."""
        await self._tell("unsubscribe", events=events)

    async def reset(self) -> None:
        """`SimulatedSlack.reset`."""
        await self._tell("reset")

    async def wait_for(
        self,
        *,
        sockets: int = 0,
        sockets_opened: int = 0,
        acked: int = 0,
        lost: int = 0,
        held: int = 0,
        calls: Mapping[str, int] | None = None,
        timeout_s: float = WAIT_S,
    ) -> dict[str, Any]:
        """Return the state once at least that many of each have been seen. Raises `TimeoutError`."""
        order = {
            "sockets": sockets, "sockets_opened": sockets_opened, "acked": acked, "lost": lost,
            "held": held, "calls": dict(calls or {}), "timeout_s": timeout_s,
        }  # fmt: skip
        answer: dict[str, Any] = (await self._call("POST", "wait", order))["result"]
        return answer

    async def wait_for_message(
        self,
        contains: str = "",
        *,
        channel: str = "general",
        thread_ts: str | None = None,
        by_app: bool | None = True,
        count: int = 1,
        timeout_s: float = WAIT_S,
    ) -> tuple[Visible, ...]:
        """The messages of the app that contain a text, once there are so many and none of them is
        still being streamed. Raises `TimeoutError`."""
        seen = {
            "contains": contains, "channel": channel, "thread_ts": thread_ts, "by_app": by_app,
            "count": count,
        }  # fmt: skip
        await self._call("POST", "wait", {"seen": seen, "timeout_s": timeout_s})
        shown = await self.visible(channel, thread_ts, by_app=by_app)
        return tuple(each for each in shown if contains in each.text)

    async def state(self) -> dict[str, Any]:
        """The counts that can be waited for."""
        return await self._look("state", dict[str, Any])

    async def world(self) -> dict[str, Any]:
        """Who and what there is: `workspaces`, `users`, `channels`, `installations`, `app`."""
        return await self._look("world", dict[str, Any])

    async def changes(self, after: int = 0, *, timeout_s: float = 20.0) -> tuple[Change, ...]:
        """What changed after that number, as soon as something has; nothing if nothing did in time."""
        found = await self._look(f"changes?after={after}&timeout_s={timeout_s}", dict[str, Any])
        return TypeAdapter(tuple[Change, ...]).validate_python(found["changes"])


class SlackProcess(SimulatorProcess, RemoteSlack):
    """A simulated Slack started as a process of its own: `async with SlackProcess() as slack`."""

    module = "sandbox.slack"

    def __init__(self, *, port: int = 0) -> None:
        super().__init__(port=port, options=("--instant",))
