"""The Web API: every call is read, logged, failed or held as scripted, checked, and done."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from sandbox.connection import break_connection
from sandbox.slack.call import Answer, Args, Call, Method, Methods, read_args
from sandbox.slack.errors import SlackError
from sandbox.slack.faults import Fault, FaultKind
from sandbox.slack.holds import Stage
from sandbox.slack.platform import Platform
from sandbox.slack.request_log import Outcome
from sandbox.slack.world import Installation, InstallationState

_log = logging.getLogger(__name__)
_HTML_PAGE = "<!doctype html><html><body>Please log in.</body></html>"
_SECRETS = frozenset({"token", "client_secret", "refresh_token"})


class _Struck(Exception):
    """A fault decides what is answered; nobody reads it where the connection was broken."""

    def __init__(self, answer: web.Response) -> None:
        super().__init__()
        self.answer = answer


@dataclass(slots=True)
class _Facts:
    """What is known of a call when it is over."""

    outcome: Outcome = Outcome.DISCONNECTED
    status: int | None = None
    answer: Answer | None = None
    acted: bool = False
    team_id: str | None = None

    def answered(
        self, body: Answer, status: int, headers: Mapping[str, str] | None = None
    ) -> web.Response:
        """The answer, noted."""
        self.status, self.answer = status, body
        return web.json_response(body, status=status, headers=headers)


class WebApi:
    """Answers `/api/METHOD`."""

    def __init__(self, platform: Platform, methods: Methods, open_methods: Methods) -> None:
        self._platform = platform
        self._methods = methods
        self._open_methods = open_methods
        """Those that take no bot token; they are given a placeholder for an installation."""

    def routes(self) -> list[web.RouteDef]:
        """The routes of the API."""
        return [
            web.post("/api/{method}", self.answer),
            web.get("/api/{method}", self.answer),
        ]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """POST or GET /api/METHOD"""
        name = request.match_info["method"]
        log, facts = self._platform.log, _Facts()
        number = log.note(at=self._platform.clock.now(), method=name, args={})
        try:
            return await self._done(request, name, number, facts)
        finally:
            log.update(
                number,
                outcome=facts.outcome,
                status=facts.status,
                answer=facts.answer,
                acted=facts.acted,
                team_id=facts.team_id,
            )

    async def _done(
        self, request: web.Request, name: str, number: int, facts: _Facts
    ) -> web.Response:
        fault = self._platform.faults.take(name)
        try:
            return await self._tried(request, name, number, facts, fault)
        except SlackError as error:
            facts.outcome = Outcome.REFUSED if fault is None else Outcome.FAULTED
            return facts.answered(error.body(), error.status, error.headers)
        except _Struck as struck:
            facts.outcome = Outcome.FAULTED
            return struck.answer
        except Exception:
            _log.exception("the simulated Slack failed at %s", name)
            facts.outcome = Outcome.REFUSED
            return facts.answered({"ok": False, "error": "internal_error"}, 500)

    async def _tried(
        self,
        request: web.Request,
        name: str,
        number: int,
        facts: _Facts,
        fault: Fault | None,
    ) -> web.Response:
        given = await read_args(request)
        shown = {key: value for key, value in given.items() if key not in _SECRETS}
        self._platform.log.update(number, args=shown)
        if fault is not None:
            await self._fail_early(request, fault)
        await self._platform.holds.wait(name, Stage.BEFORE)
        body = self._perform(request, name, given, facts)
        facts.acted = True
        await self._platform.holds.wait(name, Stage.AFTER)
        if fault is not None and fault.kind is FaultKind.LOST_ANSWER:
            break_connection(request, reset=fault.reset)
            raise _Struck(web.Response())
        facts.outcome = Outcome.ANSWERED
        return facts.answered(body, 200, self._headers(facts))

    async def _fail_early(self, request: web.Request, fault: Fault) -> None:
        """Do what the fault says before anything is done; return if it strikes later."""
        if fault.kind is FaultKind.ERROR:
            raise SlackError(fault.error)
        if fault.kind is FaultKind.STATUS:
            raise SlackError("service_unavailable", status=fault.status)
        if fault.kind is FaultKind.RATE_LIMITED:
            raise _rate_limited(fault.retry_after_s)
        if fault.kind is FaultKind.HANG:
            await asyncio.Event().wait()
        if fault.kind is FaultKind.DELAY:
            await self._platform.clock.sleep(fault.delay_s)
        if fault.kind is FaultKind.DROP:
            break_connection(request, reset=fault.reset)
            raise _Struck(web.Response())
        if fault.kind is FaultKind.NOT_JSON:
            raise _Struck(web.Response(text=_HTML_PAGE, content_type="text/html"))

    def _perform(
        self, request: web.Request, name: str, given: dict[str, Any], facts: _Facts
    ) -> Answer:
        token = _token_of(request, given)
        given.pop("token", None)
        if name in self._open_methods:
            args = Args(given | {"token": token, "authorization": _authorization(request)})
            call = Call(args, self._platform.world.installations[0])
            return {"ok": True, **self._open_methods[name].run(call)}
        installation = self._installation(token)
        facts.team_id = installation.team_id
        method = self._methods.get(name)
        if method is None:
            raise SlackError("unknown_method", req_method=name)
        _check_scopes(method, installation)
        args = Args(given)
        self._check_rate(name, method, installation, args)
        return {"ok": True, **method.run(Call(args, installation))}

    def _installation(self, token: str) -> Installation:
        if not token:
            raise SlackError("not_authed")
        installation = self._platform.world.installation_of(token)
        if installation is None:
            wrong_kind = token == self._platform.world.app.app_token
            raise SlackError("not_allowed_token_type" if wrong_kind else "invalid_auth")
        if installation.state is not InstallationState.ACTIVE:
            raise SlackError(installation.state.value)
        return installation

    def _check_rate(
        self, name: str, method: Method, installation: Installation, args: Args
    ) -> None:
        wait_s = self._platform.limiter.wait_s(
            name,
            tier=method.tier,
            team_id=installation.team_id,
            channel_id=args.text("channel") or None,
        )
        if wait_s > 0:
            raise _rate_limited(wait_s)

    def _headers(self, facts: _Facts) -> dict[str, str]:
        if facts.team_id is None:
            return {}
        scopes = self._platform.world.installation(facts.team_id).scopes
        return {"x-oauth-scopes": ",".join(sorted(scopes))}


def _check_scopes(method: Method, installation: Installation) -> None:
    if method.scopes and not installation.scopes.intersection(method.scopes):
        raise SlackError(
            "missing_scope",
            needed=method.scopes[0],
            provided=",".join(sorted(installation.scopes)),
        )


def _rate_limited(retry_after_s: int) -> SlackError:
    return SlackError("ratelimited", status=429, headers={"Retry-After": str(retry_after_s)})


def _authorization(request: web.Request) -> str:
    return request.headers.get("authorization", "")


def _token_of(request: web.Request, given: dict[str, Any]) -> str:
    header = _authorization(request)
    if header.startswith("Bearer "):
        return header.removeprefix("Bearer ").strip()
    return str(given.get("token") or "")
