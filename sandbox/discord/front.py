"""What every request passes on its way in and out: log, holds, limits, token, faults, errors."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from sandbox.discord.errors import ApiError
from sandbox.discord.faults import CloudflareBan, Fault, FaultKind, fits
from sandbox.discord.rate_limits import VIA, too_many
from sandbox.discord.service import Service
from sandbox.outcome import Outcome
from sandbox.striking import Struck, break_off, hang, web_page
from sandbox.wire import to_json

API: Final = "/api/v10"
NUMBER = web.RequestKey("number", int)
_HTML = "<!doctype html><html><head><title>{}</title></head><body>{}</body></html>"
_NEEDS_NO_TOKEN = ("/interactions/", "/webhooks/")
_log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Front:
    """The middleware of the API; other paths pass it unseen."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request through."""
        if not request.path.startswith(API):
            return await handler(request)
        service = self._service
        route = _route(request)
        request[NUMBER] = number = service.log.note(
            at=service.clock.now(), route=route, path=request.path, query=dict(request.query)
        )
        outcome, status, code = Outcome.DISCONNECTED, None, 0
        try:
            response = await self._answer(request, route, handler)
            outcome, status = Outcome.ANSWERED, response.status
        except Struck as struck:
            outcome, response = Outcome.FAULTED, struck.answer
        except ApiError as error:
            outcome, status, code = Outcome.REFUSED, error.status, error.code
            response = error_response(error)
        except CloudflareBan as ban:
            outcome, status = Outcome.REFUSED, 429
            response = _banned(ban)
        finally:
            service.log.change(number, outcome=outcome, status=status, code=code)
        if status is not None:
            service.limiter.note(status, response.headers.get("X-RateLimit-Scope"))
        return response

    async def _answer(
        self, request: web.Request, route: str, handler: Handler
    ) -> web.StreamResponse:
        service = self._service
        needs_token = not route.split()[1].startswith(_NEEDS_NO_TOKEN)
        if service.gate.closed_at is not None and fits(route, service.held_route):
            await service.gate.wait()
        headers = service.limiter.admit(route, _resource(request), counts_globally=needs_token)
        try:
            if needs_token:
                self._check_token(request)
            response = await self._with_faults(request, route, handler)
        except ApiError as error:
            error.headers = {**VIA, **headers, **error.headers}
            raise
        response.headers.update({**VIA, **headers})
        return response

    async def _with_faults(
        self, request: web.Request, route: str, handler: Handler
    ) -> web.StreamResponse:
        fault = self._service.faults.take(route)
        if fault is None:
            return await _handled(request, handler)
        await self._fail_before(request, fault)
        response = await _handled(request, handler)
        if fault.kind is FaultKind.LOST_ANSWER:
            break_off(request, reset=fault.reset)
        if fault.kind is FaultKind.HANG_AFTER:
            await hang()
        return response

    async def _fail_before(self, request: web.Request, fault: Fault) -> None:
        if fault.kind is FaultKind.STATUS:
            raise ApiError(fault.status, code=fault.code, message=fault.message)
        if fault.kind is FaultKind.RATE_LIMIT:
            raise too_many(fault.retry_after_s, scope=fault.scope)
        if fault.kind is FaultKind.CLOUDFLARE:
            raise CloudflareBan(fault.retry_after_s)
        if fault.kind is FaultKind.HTML:
            raise Struck(web_page())
        if fault.kind is FaultKind.DROP:
            break_off(request, reset=fault.reset)
        if fault.kind is FaultKind.HANG:
            await hang()
        if fault.kind is FaultKind.DELAY:
            await self._service.clock.sleep(fault.delay_s)

    def _check_token(self, request: web.Request) -> None:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind != "Bot" or not self._service.accepts(token):
            raise ApiError(401)


def answer(payload: Any, status: int = 200) -> web.Response:
    """A JSON answer. discord.py wants exactly this content type, without a charset."""
    return web.Response(
        body=to_json(payload).encode(), status=status, content_type="application/json"
    )


def nothing() -> web.Response:
    """204."""
    return web.Response(status=204)


def error_response(error: ApiError) -> web.Response:
    """The error as Discord sends it."""
    response = answer(error.body(), error.status)
    response.headers.update(error.headers)
    return response


async def _handled(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPRequestEntityTooLarge as error:
        raise ApiError(413, code=40005) from error
    except web.HTTPException as error:
        raise ApiError(error.status) from error
    except (ApiError, asyncio.CancelledError):
        raise
    except Exception as error:
        _log.exception("the simulated Discord failed at %s", request.path)
        raise ApiError(500) from error


def _banned(ban: CloudflareBan) -> web.Response:
    headers = {"Retry-After": str(math.ceil(ban.retry_after_s))}
    return web.Response(
        text=_HTML.format(ban, ban), status=429, content_type="text/html", headers=headers
    )


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    path = request.path if resource is None else resource.canonical
    return f"{request.method} {path.removeprefix(API)}"


def _resource(request: web.Request) -> str:
    found = request.match_info
    names = ("channel_id", "guild_id", "application_id", "token")
    return "/".join(found[name] for name in names if name in found)
