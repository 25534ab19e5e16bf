"""The page's server: its files, passages to the simulators and to the bot, and the bot's own switches."""

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from sandbox.page.bots import BotFailed, Bots
from sandbox.page.door import door, harden
from sandbox.page.passages import Passage, Passages
from sandbox.serving import Site

STATIC: Final = Path(__file__).parent / "static"
RESTART_AFTER_S: Final = 1.0

_Verb = Callable[[Mapping[str, Any]], Awaitable[None]]


class PageServer:
    """Serves it. `shared` is a folder of files that other pages use as well, such as the colours."""

    def __init__(
        self, *, port: int, shared: Path, bots: Bots, passages: Mapping[str, Passage]
    ) -> None:
        self._site = Site("127.0.0.1", port)
        self._shared = shared
        self._bots = bots
        self._passages = Passages(passages)
        self._verbs: Mapping[str, _Verb] = {
            "kill": self._kill,
            "kill_one": self._kill_one,
            "replicas": self._replicas,
            "clock": self._clock,
        }

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{self._site.address}"

    async def start(self) -> None:
        """Listen. Raises `OSError` if the port is taken."""
        app = web.Application(middlewares=[door])
        app.on_response_prepare.append(harden)
        app.add_routes(
            [
                web.get("/", self._index),
                web.get("/bot", self._state),
                web.post("/bot/{verb}", self._act),
                *self._passages.routes(),
                web.static("/shared", self._shared),
                web.static("/page", STATIC),
            ]
        )
        await self._passages.start()
        await self._site.start(app)

    async def stop(self) -> None:
        """Stop listening."""
        await self._site.stop()
        await self._passages.stop()

    async def _index(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(STATIC / "index.html")

    async def _state(self, _: web.Request) -> web.Response:
        return web.json_response(self._bots.state())

    async def _act(self, request: web.Request) -> web.Response:
        verb = self._verbs.get(request.match_info["verb"])
        if verb is None:
            raise web.HTTPNotFound
        try:
            given = json.loads(await request.read() or b"{}")
            await verb(given)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return _refused(HTTPStatus.BAD_REQUEST, str(error))
        except BotFailed as error:
            return _refused(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        return web.json_response(self._bots.state())

    async def _kill(self, _: Mapping[str, Any]) -> None:
        await self._bots.kill(restart_after_s=RESTART_AFTER_S)

    async def _kill_one(self, _: Mapping[str, Any]) -> None:
        await self._bots.kill_one()

    async def _replicas(self, given: Mapping[str, Any]) -> None:
        await self._bots.set_replicas(int(given["count"]))

    async def _clock(self, given: Mapping[str, Any]) -> None:
        await self._bots.move_clock(datetime.fromisoformat(given["to"]))


def _refused(status: HTTPStatus, why: str) -> web.Response:
    return web.json_response({"error": {"message": why}}, status=status)
