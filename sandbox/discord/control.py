"""The same controls over HTTP, for other processes and for pages that are served beside it.

All under `/_control`, JSON both ways: `POST /_control/say {"text": "Hello"}`, and so every order of
`Orders`; GET tells of the world. `RemoteDiscord` speaks it.
"""

from collections.abc import Callable
from typing import Any, Final

from aiohttp import web
from pydantic import ValidationError, validate_call

from sandbox.changes import WAIT_S
from sandbox.discord.errors import ApiError
from sandbox.discord.orders import Orders
from sandbox.discord.request_log import SeenRequest
from sandbox.discord.service import Service
from sandbox.discord.troubles import Troubles
from sandbox.discord.verbs import Verbs
from sandbox.discord.views import (
    StateView,
    message_view,
    ping_view,
    to_plain,
    world_view,
)
from sandbox.discord.world import Impossible
from sandbox.feed import Change
from sandbox.wire import BadJson, adapter_of, read_object

ROOT: Final = "/_control"
MAX_WAIT_S: Final = 60.0


class Control:
    """The control endpoints."""

    def __init__(self, service: Service, verbs: Verbs, troubles: Troubles) -> None:
        self._service = service
        self._verbs = verbs
        self._orders = Orders(verbs, troubles, service.interactions.all)
        self._checked: dict[str, Callable[..., Any]] = {}  # made when first used

    def routes(self) -> list[web.RouteDef]:
        """The routes."""
        return [
            web.get(f"{ROOT}/world", self.world),
            web.get(f"{ROOT}/messages", self.messages),
            web.get(f"{ROOT}/visible", self.visible),
            web.get(f"{ROOT}/pings", self.pings),
            web.get(f"{ROOT}/commands", self.commands),
            web.get(f"{ROOT}/requests", self.requests),
            web.get(f"{ROOT}/state", self.state),
            web.get(f"{ROOT}/changes", self.changes),
            web.post(f"{ROOT}/wait", self.wait),
            web.post(f"{ROOT}/{{order}}", self.order),
        ]

    async def order(self, request: web.Request) -> web.Response:
        """POST an order's fields; answers with what it returns."""
        name = request.match_info["order"]
        if name.startswith("_") or name not in vars(Orders):
            return _refused(404, f"there is no order {name!r}")
        if name not in self._checked:
            self._checked[name] = validate_call(getattr(self._orders, name))
        try:
            fields = read_object(await request.read() or b"{}")
            found = self._checked[name](**fields)
        except (BadJson, ValidationError, Impossible, ApiError, ValueError) as error:
            return _refused(400, str(error))
        return web.json_response({"ok": True} if found is None else to_plain(found))

    async def world(self, _: web.Request) -> web.Response:
        """GET who and what there is."""
        return web.json_response(to_plain(world_view(self._verbs.world, self._verbs.guild.id)))

    async def messages(self, request: web.Request) -> web.Response:
        """GET the messages of a `channel`, with deleted and ephemeral ones and every version."""
        try:
            found = self._verbs.messages(request.query.get("channel", "general"))
        except Impossible as error:
            return _refused(400, str(error))
        world = self._verbs.world
        return web.json_response([to_plain(message_view(world, each)) for each in found])

    async def visible(self, request: web.Request) -> web.Response:
        """GET the texts that people see in a `channel`, and the ephemeral ones shown `to` somebody."""
        try:
            channel, to = request.query.get("channel", "general"), request.query.get("to")
            return web.json_response(self._verbs.visible(channel, to=to))
        except Impossible as error:
            return _refused(400, str(error))

    async def pings(self, request: web.Request) -> web.Response:
        """GET whom the bot (or whoever is `by`) would have pinged."""
        try:
            found = self._verbs.pings(by=request.query.get("by"))
        except Impossible as error:
            return _refused(400, str(error))
        return web.json_response([to_plain(ping_view(each)) for each in found])

    async def commands(self, _: web.Request) -> web.Response:
        """GET the commands that people can choose from in the guild, as Discord describes them."""
        return web.json_response(self._service.commands.offered(self._verbs.guild.id))

    async def requests(self, _: web.Request) -> web.Response:
        """GET the requests seen so far."""
        return _json(adapter_of(tuple[SeenRequest, ...]).dump_json(self._service.log.seen))

    async def state(self, _: web.Request) -> web.Response:
        """GET the counts that can be waited for."""
        return web.json_response(to_plain(self._state()))

    async def changes(self, request: web.Request) -> web.Response:
        """GET what changed `after` a number; waits up to `wait_s` seconds for something to change."""
        try:
            after = int(request.query.get("after", "0"))
            wait_s = min(float(request.query.get("wait_s", "25")), MAX_WAIT_S)
        except ValueError as error:
            return _refused(400, str(error))
        found = await self._service.feed.wait_after(after, timeout_s=wait_s)
        return _json(adapter_of(tuple[Change, ...]).dump_json(found))

    async def wait(self, request: web.Request) -> web.Response:
        """POST `{"requests": 3, "timeout_s": 5}`: the state, once it has reached that; 408 if it
        does not in time."""
        try:
            wanted = read_object(await request.read() or b"{}")
            timeout_s = min(float(wanted.pop("timeout_s", WAIT_S)), MAX_WAIT_S)
            unknown = set(wanted) - set(to_plain(self._state()))
        except (BadJson, ValueError, TypeError) as error:
            return _refused(400, str(error))
        if unknown:
            return _refused(400, f"the state has no {', '.join(sorted(unknown))}")

        def met() -> bool:
            state = self._state()
            return all(getattr(state, name) >= count for name, count in wanted.items())

        try:
            await self._service.changes.until(met, what=str(wanted), timeout_s=timeout_s)
        except TimeoutError as error:
            return _refused(408, str(error))
        return web.json_response(to_plain(self._state()))

    def _state(self) -> StateView:
        gateway = self._service.gateway
        return StateView(
            requests=self._service.log.count,
            held=self._service.gate.held,
            connected=gateway.connected,
            identifies=gateway.identifies,
            resumes=gateway.resumes,
            last_change=self._service.feed.last,
        )


def _refused(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"message": message}}, status=status)


def _json(data: bytes) -> web.Response:
    return web.Response(body=data, content_type="application/json")
