"""What a fault does to a request, where that is the same whoever is simulated."""

import asyncio
from typing import Never, NoReturn

from aiohttp import web

from sandbox.connection import break_connection

_PAGE = "<!doctype html><html><head><title>Welcome</title></head><body>Please log in.</body></html>"


class Struck(Exception):
    """A fault decides what is answered; nobody reads it where the connection was broken."""

    def __init__(self, answer: web.Response) -> None:
        super().__init__("struck by a fault")
        self.answer = answer


def break_off(request: web.BaseRequest, *, reset: bool) -> NoReturn:
    """Close the connection without an answer (see `break_connection`). Raises `Struck`."""
    break_connection(request, reset=reset)
    raise Struck(web.Response())


async def hang() -> Never:
    """Wait until cancelled: by the client's going away or by the simulator's stop."""
    await asyncio.Event().wait()
    raise AssertionError("nobody sets it")


def web_page() -> web.Response:
    """Status 200 and a page, as a captive portal or a proxy gives it."""
    return web.Response(text=_PAGE, content_type="text/html")
