"""The Web API: every call is read, logged, failed or held as scripted, checked, and done."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from sandbox.outcome import Outcome
from sandbox.slack.call import Answer, Args, Call, Method, Methods, read_args
from sandbox.slack.errors import SlackError
from sandbox.slack.faults import Fault
from sandbox.slack.holds import Stage
from sandbox.slack.platform import Platform
from sandbox.slack.striking import rate_limited, strike, strike_late
from sandbox.slack.world import Installation, InstallationState
from sandbox.striking import Struck

_log = logging.getLogger(__name__)
_SECRETS = frozenset({"token", "client_secret", "refresh_token"})


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
            log.change(
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
        except Struck as struck:
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
        self._platform.log.change(number, args=shown)
        if fault is not None:
            await strike(request, fault, self._platform.clock)
        await self._platform.holds.wait(name, Stage.BEFORE)
        body = self._perform(request, name, given, facts)
        facts.acted = True
        await self._platform.holds.wait(name, Stage.AFTER)
        if fault is not None:
            strike_late(request, fault)
        facts.outcome = Outcome.ANSWERED
        return facts.answered(body, 200, self._headers(facts))

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
            raise rate_limited(wait_s)

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


def _authorization(request: web.Request) -> str:
    return request.headers.get("authorization", "")


def _token_of(request: web.Request, given: dict[str, Any]) -> str:
    header = _authorization(request)
    if header.startswith("Bearer "):
        return header.removeprefix("Bearer ").strip()
    return str(given.get("token") or "")
