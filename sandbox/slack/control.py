"""The same controls over HTTP, so that another process or a web page can act as people do.

All under `/_control`. A verb of `SimulatedSlack` is a POST of its arguments as a JSON object to
`/_control/VERB`, answered with what it returns; messages are named by their `key`. `RemoteSlack` speaks it.
"""

import inspect
from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from aiohttp import web
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from pydantic_core import to_jsonable_python

from sandbox.changes import WAIT_S
from sandbox.slack.envelopes import Redelivery
from sandbox.slack.errors import SlackError
from sandbox.slack.faults import Fault
from sandbox.slack.limits import RateLimits
from sandbox.slack.world import UnknownEntity
from sandbox.wire import adapter_of

if TYPE_CHECKING:
    from sandbox.slack.server import SimulatedSlack

VERBS = (
    "say", "edit", "delete", "unfurl", "react", "bot_says", "find",
    "press", "press_in_view", "slash", "shortcut", "open_home", "submit_view",
    "start_assistant_thread", "stop_agent",
    "add_workspace", "add_user", "add_channel", "invite_bot", "join", "remove_bot", "archive",
    "unarchive", "set_streaming", "set_scopes", "revoke", "uninstall", "reinstall", "oauth_code",
    "messages", "visible", "shown", "calls", "status", "home_of", "history_of",
    "hold", "release", "hold_events", "release_events", "repeat_events", "withhold_acks",
    "drop_sockets", "refresh_sockets", "freeze_sockets", "push_to", "verify_url", "forge_signatures",
    "unsubscribe", "reset",
)  # fmt: skip
"""What can be done by POST, with the arguments and results of the methods of that name."""
SIGHTS = ("pings", "requests", "deliveries", "statuses", "views")
"""What can be looked at by GET, as the properties of that name."""
MAX_WAIT_S = 60.0
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class FaultOrder:
    """Arm faults, as `SimulatedSlack.fail_next` does."""

    faults: tuple[Fault, ...]
    times: int | None = 1
    method: str | None = None


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class SettingsOrder:
    """Change settings; what is None stays."""

    limits: RateLimits | None = None
    redelivery: Redelivery | None = None
    stream_lifetime_s: float | None = None
    mention_first: bool | None = None


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class SeenOrder:
    """A message that is visible: somewhere, by the app or somebody else, containing a text, complete."""

    channel: str = "general"
    thread_ts: str | None = None
    contains: str = ""
    by_app: bool | None = None
    count: int = 1


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class WaitOrder:
    """Wait until at least that many of each have been seen."""

    sockets: int = 0
    sockets_opened: int = 0
    acked: int = 0
    lost: int = 0
    held: int = 0
    calls: Mapping[str, int] = field(default_factory=dict)
    seen: SeenOrder | None = None
    timeout_s: float = WAIT_S


class Control:
    """The control endpoints."""

    def __init__(self, slack: "SimulatedSlack") -> None:
        self._slack = slack
        self._verbs: dict[str, TypeAdapter[Any]] = {}  # made when first used

    def routes(self) -> list[web.RouteDef]:
        """The routes of the controls."""
        return [
            web.post("/_control/faults", _answering(self.arm_faults)),
            web.delete("/_control/faults", _answering(self.clear_faults)),
            web.put("/_control/settings", _answering(self.change_settings)),
            web.post("/_control/wait", _answering(self.wait)),
            web.get("/_control/state", _answering(self.state)),
            web.get("/_control/world", _answering(self.world)),
            web.get("/_control/changes", _answering(self.changes)),
            web.get("/_control/{sight}", _answering(self.look)),
            web.post("/_control/{verb}", _answering(self.act)),
        ]

    async def act(self, request: web.Request) -> object:
        """POST the arguments of a verb."""
        name = request.match_info["verb"]
        if name not in VERBS:
            raise web.HTTPNotFound(text=f"no verb {name!r}")
        if name not in self._verbs:
            self._verbs[name] = TypeAdapter(getattr(self._slack, name))
        result = self._verbs[name].validate_json(await request.read() or b"{}")
        return await result if inspect.isawaitable(result) else result

    async def look(self, request: web.Request) -> object:
        """GET what can be seen."""
        name = request.match_info["sight"]
        if name not in SIGHTS:
            raise web.HTTPNotFound(text=f"nothing called {name!r} can be looked at")
        return getattr(self._slack, name)

    async def arm_faults(self, request: web.Request) -> object:
        """POST a `FaultOrder`."""
        order = adapter_of(FaultOrder).validate_json(await request.read())
        self._slack.fail_next(*order.faults, times=order.times, method=order.method)
        return None

    async def clear_faults(self, request: web.Request) -> object:
        """DELETE all armed faults."""
        self._slack.faults.clear()
        return None

    async def change_settings(self, request: web.Request) -> object:
        """PUT a `SettingsOrder`."""
        order = adapter_of(SettingsOrder).validate_json(await request.read())
        self._slack.change_settings(
            limits=order.limits,
            redelivery=order.redelivery,
            stream_lifetime_s=order.stream_lifetime_s,
            mention_first=order.mention_first,
        )
        return None

    async def wait(self, request: web.Request) -> object:
        """POST a `WaitOrder`; answers with the state, or 408 if it did not come about."""
        order = adapter_of(WaitOrder).validate_json(await request.read())
        await self._slack.until(
            lambda: self._met(order), what=str(order), timeout_s=order.timeout_s
        )
        return self._state()

    async def state(self, request: web.Request) -> object:
        """GET the counts that can be waited for."""
        return self._state()

    async def world(self, request: web.Request) -> object:
        """GET who and what there is, and what an app needs to connect."""
        world = self._slack.world
        return {
            "app": world.app,
            "api_url": self._slack.api_url,
            "workspaces": world.workspaces,
            "users": world.users,
            "channels": world.channels,
            "installations": world.installations,
        }

    async def changes(self, request: web.Request) -> object:
        """GET `?after=N`: the changes after that number, as soon as there are any."""
        try:
            after = int(request.query.get("after", "0"))
            timeout_s = min(MAX_WAIT_S, float(request.query.get("timeout_s", "20")))
        except ValueError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        found = await self._slack.feed.wait_after(after, timeout_s=timeout_s)
        return {"last": self._slack.feed.last, "changes": found}

    def _met(self, order: WaitOrder) -> bool:
        state = self._state()
        counts = ("sockets", "sockets_opened", "acked", "lost", "held")
        if any(state[name] < getattr(order, name) for name in counts):
            return False
        if any(state["calls"].get(method, 0) < count for method, count in order.calls.items()):
            return False
        return order.seen is None or self._is_seen(order.seen)

    def _is_seen(self, wanted: SeenOrder) -> bool:
        shown = self._slack.visible(wanted.channel, wanted.thread_ts, by_app=wanted.by_app)
        fitting = [each for each in shown if wanted.contains in each.text and not each.streaming]
        return len(fitting) >= wanted.count

    def _state(self) -> dict[str, Any]:
        slack = self._slack
        return {
            "sockets": slack.sockets,
            "sockets_opened": slack.sockets_opened,
            "acked": slack.acked,
            "lost": slack.lost,
            "held": slack.held,
            "calls": slack.call_counts,
            "last_change": slack.feed.last,
        }


def _answering(handler: Any) -> Any:
    """The handler's result as JSON, and what it raises as a refusal."""

    async def answer(request: web.Request) -> web.Response:
        try:
            result = to_jsonable_python(await handler(request))
        except TimeoutError as error:
            return _refusal(408, str(error))
        except web.HTTPException as error:
            return _refusal(error.status, error.text or error.reason)
        except (ValidationError, ValueError, UnknownEntity, SlackError, KeyError) as error:
            return _refusal(400, str(error))
        return web.json_response({"result": result})

    return answer


def _refusal(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"message": message}}, status=status)
