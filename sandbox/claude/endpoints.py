"""The API's endpoints."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from sandbox.claude.admin import AdminEndpoints
from sandbox.claude.answer import ScriptError, compose
from sandbox.claude.asked import Asked
from sandbox.claude.batch_endpoints import BatchEndpoints
from sandbox.claude.delivery import Delivery
from sandbox.claude.errors import ApiError, invalid
from sandbox.claude.faults import Fault, FaultKind
from sandbox.claude.model_list import model_info, model_page
from sandbox.claude.models import Model, find_model
from sandbox.claude.prompt import Prompt, read_prompt
from sandbox.claude.prompt_cache import CacheUse
from sandbox.claude.provider import Provider
from sandbox.claude.replies import make_up
from sandbox.claude.stream import Head
from sandbox.claude.validation import check_request, check_size, check_thinking_seals
from sandbox.connection import break_connection
from sandbox.outcome import Outcome
from sandbox.striking import hang, web_page
from sandbox.wire import BadJson, read_object

REQUEST_ID = web.RequestKey("request_id", str)


@dataclass(slots=True)
class _Call:
    """An authenticated request with a JSON body."""

    request: web.Request
    account: str
    version: str
    body: dict[str, Any]
    broken: bool = False

    @property
    def request_id(self) -> str:
        return self.request[REQUEST_ID]


class Endpoints:
    """What the API answers to."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def routes(self) -> list[web.RouteDef]:
        """The routes of the API."""
        batches = BatchEndpoints(
            self._provider, read=_read, account_of=_account_of, fail_early=_fail_early
        )
        return [
            *batches.routes(),
            *AdminEndpoints(self._provider, account_of=_account_of).routes(),
            web.post("/v1/messages", self.create_message),
            web.post("/v1/messages/count_tokens", self.count_tokens),
            web.get("/v1/models", self.list_models),
            web.get("/v1/models/{model}", self.get_model),
        ]

    async def create_message(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/messages"""
        call = await _read(request)
        number = self._provider.log.note(
            request_id=call.request_id,
            at=self._provider.clock.now(),
            path=request.path_qs,
            headers=request.headers,
            body=call.body,
        )
        outcome, status = Outcome.DISCONNECTED, None
        try:
            response = await self._respond(call)
            outcome = Outcome.FAULTED if call.broken else Outcome.ANSWERED
            status = response.status
        except ApiError as error:
            outcome, status = Outcome.REFUSED, error.status
            raise
        except asyncio.CancelledError:
            if self._provider.stopping.is_set():
                outcome = Outcome.STOPPED
            raise
        finally:
            self._provider.log.finish(number, outcome, status)
        return response

    async def count_tokens(self, request: web.Request) -> web.Response:
        """POST /v1/messages/count_tokens"""
        self._note_other("count_tokens")
        call = await _read(request)
        model = self._model(call)
        check_request(call.body, model, version=call.version, counting=True)
        return web.json_response({"input_tokens": read_prompt(call.body, model.id).tokens})

    async def list_models(self, request: web.Request) -> web.Response:
        """GET /v1/models"""
        self._note_other("models")
        _account_of(request)
        return web.json_response(model_page(request.query, self._provider.clock.now()))

    async def get_model(self, request: web.Request) -> web.Response:
        """GET /v1/models/{model}"""
        self._note_other("models")
        _account_of(request)
        name, now = request.match_info["model"], self._provider.clock.now()
        model = find_model(name, now)
        if model is None:
            raise ApiError(404, f"model: {name}")
        return web.json_response(model_info(model, now))

    def _note_other(self, what: str) -> None:
        self._provider.other_calls[what] = self._provider.other_calls.get(what, 0) + 1

    def _model(self, call: _Call) -> Model:
        name = call.body.get("model")
        if not isinstance(name, str):
            raise invalid("model", "Field required")
        model = find_model(name, self._provider.clock.now())
        if model is None:
            raise ApiError(404, f"model: {name}")
        return model

    async def _respond(self, call: _Call) -> web.StreamResponse:
        fault = self._provider.faults.take(call.body.get("model"))
        if fault is not None:
            early = await _fail_early(call, fault)
            if early is not None:
                return early
        model = self._model(call)
        check_request(call.body, model, version=call.version)
        prompt = read_prompt(call.body, model.id)
        check_size(prompt, model)
        check_thinking_seals(call.body, prompt, model)
        use = self._provider.cache.look_up(prompt, model=model, account=call.account)
        uncached = use.usage.input_tokens + use.usage.cache_write_tokens
        self._provider.limiter.admit(call.account, model, uncached)
        with self._provider.place():
            return await self._deliver(call, Asked(call.body, model), prompt, use, fault)

    async def _deliver(
        self, call: _Call, asked: Asked, prompt: Prompt, use: CacheUse, fault: Fault | None
    ) -> web.StreamResponse:
        provider = self._provider
        reply = provider.script.choose(asked) or make_up(asked)
        pace = reply.pace or provider.pace
        try:
            answer = compose(
                reply,
                asked=asked,
                prompt=prompt,
                tokens_per_chunk=pace.tokens_per_chunk,
                new_id=provider.new_id,
            )
        except ScriptError as error:
            raise ApiError(500, f"The script is wrong: {error}", headers=_NO_RETRY) from error
        usage = reply.usage or replace(use.usage, output_tokens=answer.output_tokens)
        delivery = Delivery(
            provider=provider,
            request=call.request,
            request_id=call.request_id,
            head=Head(provider.new_id("msg_01"), asked.model.reported_id, usage),
            answer=answer,
            usage=usage,
            cache_use=use,
            pace=pace,
            fault=fault,
            headers=provider.limiter.headers(call.account, asked.model),
        )
        try:
            return await delivery.run(stream=bool(call.body.get("stream")))
        finally:
            call.broken = delivery.broken
            if delivery.begun:
                provider.charge(
                    request_id=call.request_id,
                    message_id=delivery.head.message_id,
                    account=call.account,
                    model=asked.model,
                    usage=usage,
                    sent_tokens=delivery.sent_tokens,
                    answer=answer,
                    complete=delivery.complete,
                )


_NO_RETRY = {"x-should-retry": "false"}


async def _fail_early(call: _Call, fault: Fault) -> web.Response | None:
    """Do what the fault says before anything is answered; None if it strikes later."""
    if fault.kind is FaultKind.STATUS:
        raise fault.as_error()
    if fault.kind is FaultKind.HANG:
        await hang()
    if fault.kind is FaultKind.DROP:
        call.broken = True
        break_connection(call.request, reset=fault.reset)
        return web.Response()
    if fault.kind is FaultKind.NOT_JSON:
        call.broken = True
        return web.Response(text="this is not JSON", content_type="application/json")
    if fault.kind is FaultKind.HTML:
        call.broken = True
        return web_page()
    return None


async def _read(request: web.Request) -> _Call:
    raw = await request.read()
    account = _account_of(request)
    version = request.headers.get("anthropic-version")
    if not version:
        raise invalid("anthropic-version", "header is required")
    try:
        body = read_object(raw)
    except BadJson as error:
        raise invalid("", f"The request body is not valid JSON: {error}") from error
    return _Call(request, account, version, body)


def _account_of(request: web.Request) -> str:
    bearer = request.headers.get("authorization", "")
    key = request.headers.get("x-api-key") or bearer.removeprefix("Bearer ").strip()
    if not key:
        raise ApiError(401, "x-api-key header is required")
    if "invalid" in key:
        raise ApiError(401, "invalid x-api-key")
    return key
