"""The operators' dashboard: its pages, and the figures they ask for, as JSON."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from importlib.metadata import version
from typing import Final

import structlog
from aiohttp import web

from bot.web.access import Access
from bot.web.assets import HEADERS, Assets
from bot.web.costs import Costs
from bot.web.live import Live
from bot.web.money import Json
from bot.web.stages import stages
from bot.web.standing import Standing
from storage import turns
from storage.database import Database
from storage.errors import StorageError

PREFIX: Final = "/dashboard"
API: Final = f"{PREFIX}/api"
DATABASE_AWAY: Final = "The database does not answer; the logs say more."

log = structlog.get_logger(__name__)

Answerer = Callable[[web.Request], Awaitable[Json | None]]


class Dashboard:
    """The routes, each behind `Access`. Texts of people are shown only with `show_text`."""

    def __init__(
        self,
        *,
        access: Access,
        assets: Assets,
        live: Live,
        costs: Costs,
        standing: Standing,
        database: Database,
        show_text: bool,
    ) -> None:
        self._access = access
        self._assets = assets
        self._live = live
        self._costs = costs
        self._standing = standing
        self._database = database
        self._show_text = show_text

    def routes(self) -> list[web.RouteDef]:
        """For `WebServer.add_routes`."""
        return [
            web.get("/", self._home),
            web.get(PREFIX, self._home),
            web.post(f"{API}/session", self._access.sign_in),
            self._get("/session", self._session),
            self._get("/now", self._now),
            self._get("/costs", self._costs_over),
            self._get("/schedule", self._schedule),
            self._get("/plugins", self._plugins),
            self._get("/settings", self._settings),
            self._get("/messages/{key}", self._stages),
            web.post(f"{API}/turns/{{turn}}/retry", self._guarded(self._retry)),
            web.get(f"{PREFIX}/{{file:.*}}", self._file),
        ]

    async def aclose(self) -> None:
        """Stop what it reads in the background."""
        await self._costs.aclose()

    def _get(self, path: str, answer: Answerer) -> web.RouteDef:
        return web.get(f"{API}{path}", self._guarded(answer))

    def _guarded(self, answer: Answerer) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        return self._access.guarded(_as_json(answer))

    async def _home(self, _: web.Request) -> web.Response:
        raise web.HTTPFound(f"{PREFIX}/")

    async def _file(self, request: web.Request) -> web.Response:
        if not self._access.shown_to(request):
            why = self._access.refusal(request)
            text = why[1] if why else ""
            return web.Response(status=HTTPStatus.FORBIDDEN, text=text, headers=HEADERS)
        return self._assets.response(request.match_info["file"] or "index.html", request)

    async def _session(self, request: web.Request) -> Json:
        return {
            "csrf": self._access.csrf(request),
            "by_token": self._access.by_token,
            "version": version("parley"),
            "show_text": self._show_text,
        }

    async def _now(self, _: web.Request) -> Json:
        return await self._live.now()

    async def _costs_over(self, request: web.Request) -> Json | None:
        try:
            return await self._costs.over(request.query.get("period", "month"))
        except ValueError:
            return None

    async def _schedule(self, _: web.Request) -> Json:
        return await self._standing.schedule()

    async def _plugins(self, _: web.Request) -> Json:
        return self._standing.plugins()

    async def _settings(self, _: web.Request) -> Json:
        return self._standing.settings()

    async def _stages(self, request: web.Request) -> Json | None:
        return await stages(self._database, request.match_info["key"], with_text=self._show_text)

    async def _retry(self, request: web.Request) -> Json | None:
        turn = request.match_info["turn"]
        if not await self._database.write(turns.retry, turn, now=self._database.now()):
            return None
        log.info("turn is tried again", turn=turn)
        return {"turn": turn}


def _as_json(answer: Answerer) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """What `answer` found as JSON, 404 if it is None, 503 while the database is away."""

    async def handler(request: web.Request) -> web.StreamResponse:
        try:
            found = await answer(request)
        except StorageError as error:
            log.warning("dashboard: no answer from the database", error=str(error))
            return _json({"why": DATABASE_AWAY}, HTTPStatus.SERVICE_UNAVAILABLE)
        if found is None:
            return _json({"why": "There is no such thing."}, HTTPStatus.NOT_FOUND)
        return _json(found, HTTPStatus.OK)

    return handler


def _json(value: Json, status: HTTPStatus) -> web.Response:
    headers = {**HEADERS, "Cache-Control": "no-store"}
    return web.json_response(value, status=status, headers=headers)
