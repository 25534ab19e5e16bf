"""The endpoints of message batches.

A batch is worked on whenever somebody looks at it: it shows as in progress once, when it is made, and has
ended the next time, unless batches are held.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from aiohttp import web

from bot.vocabulary import Usage
from sandbox.claude.answer import Answer, compose
from sandbox.claude.asked import Asked
from sandbox.claude.batches import (
    CANCELED,
    ERRORED,
    EXPIRED,
    LIFETIME,
    MAX_BODY_BYTES,
    MAX_REQUESTS,
    SUCCEEDED,
    BatchItem,
    Json,
    MessageBatch,
)
from sandbox.claude.errors import ApiError, error_body, invalid
from sandbox.claude.faults import Fault, FaultKind
from sandbox.claude.models import find_model
from sandbox.claude.prompt import read_prompt
from sandbox.claude.provider import Provider
from sandbox.claude.replies import make_up
from sandbox.claude.stream import Head, message_body
from sandbox.claude.validation import check_request, check_size, check_thinking_seals
from sandbox.connection import break_connection
from sandbox.wire import to_json

FAULTS = "batches"
"""The `model` under which faults of these endpoints are armed; those of requests in a batch have their
model's name, as ever."""

_CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_PAUSE_EVERY = 100


class Call(Protocol):
    """An authenticated request."""

    request: web.Request
    account: str
    version: str
    body: dict[str, Any]


Read = Callable[[web.Request], Awaitable[Call]]
FailEarly = Callable[[Any, Fault], Awaitable[web.Response | None]]


class BatchEndpoints:
    """`/v1/messages/batches`; `read`, `account_of` and `fail_early` are those of all endpoints."""

    def __init__(
        self,
        provider: Provider,
        *,
        read: Read,
        account_of: Callable[[web.Request], str],
        fail_early: FailEarly,
    ) -> None:
        self._provider = provider
        self._read = read
        self._account_of = account_of
        self._fail_early = fail_early

    def routes(self) -> list[web.RouteDef]:
        """The routes."""
        one = "/v1/messages/batches/{batch}"
        return [
            web.post("/v1/messages/batches", self.create),
            web.get("/v1/messages/batches", self.list_),
            web.get(one, self.retrieve),
            web.delete(one, self.delete),
            web.post(f"{one}/cancel", self.cancel),
            web.get(f"{one}/results", self.results),
        ]

    async def create(self, request: web.Request) -> web.Response:
        """POST: take a batch."""
        self._note("batches.create")
        call = await self._read(request.clone(client_max_size=MAX_BODY_BYTES))
        fault = self._provider.faults.take(FAULTS, exactly=True)
        if fault is not None:
            early = await self._fail_early(call, fault)
            if early is not None:
                return early
        batch = MessageBatch(
            id=self._provider.new_id("msgbatch_01"),
            account=call.account,
            version=call.version,
            items=_items(call.body),
            created_at=self._provider.clock.now(),
        )
        self._provider.batches.add(batch)
        self._provider.changes.announce()
        if fault is not None and fault.kind is FaultKind.CUT:  # made, but nobody gets to know
            break_connection(request, reset=fault.reset)
            return web.Response()
        return web.json_response(batch.body(_origin(request)))

    async def list_(self, request: web.Request) -> web.Response:
        """GET: a page of them, the newest first."""
        self._note("batches.list")
        account = self._account_of(request)
        await self._may_fail(request)
        found = self._provider.batches.of(account)
        for each in found:
            await self._advance(each)
        return web.json_response(_page(found, request))

    async def retrieve(self, request: web.Request) -> web.Response:
        """GET one."""
        self._note("batches.retrieve")
        batch = self._found(request)
        await self._may_fail(request)
        await self._advance(batch)
        return web.json_response(batch.body(_origin(request)))

    async def cancel(self, request: web.Request) -> web.Response:
        """POST: what has not been answered yet is not going to be."""
        self._note("batches.cancel")
        batch = self._found(request)
        if batch.ended_at is not None:
            raise invalid("", "Message batch has already ended.")
        batch.canceled_at = batch.canceled_at or self._provider.clock.now()
        return web.json_response(batch.body(_origin(request)))

    async def delete(self, request: web.Request) -> web.Response:
        """DELETE one that has ended."""
        self._note("batches.delete")
        batch = self._found(request)
        if batch.ended_at is None:
            raise invalid("", "Message batches can only be deleted once they've ended.")
        self._provider.batches.remove(batch)
        return web.json_response({"id": batch.id, "type": "message_batch_deleted"})

    async def results(self, request: web.Request) -> web.StreamResponse:
        """GET the results, one JSON object a line, in no particular order: here the last ones first."""
        self._note("batches.results")
        batch = self._found(request)
        fault = await self._may_fail(request)
        if batch.ended_at is None:
            raise ApiError(404, "The results of this batch are not available yet.")
        response = web.StreamResponse(headers={"content-type": "application/x-jsonl"})
        await response.prepare(request)
        for number, (custom_id, result) in enumerate(reversed(batch.results.items())):
            if fault is not None and number >= fault.after_chunks:
                break_connection(request, reset=fault.reset)
                return response
            line = to_json({"custom_id": custom_id, "result": result})
            await response.write(line.encode() + b"\n")
        await response.write_eof()
        return response

    def _note(self, what: str) -> None:
        self._provider.other_calls[what] = self._provider.other_calls.get(what, 0) + 1

    def _found(self, request: web.Request) -> MessageBatch:
        name = request.match_info["batch"]
        batch = self._provider.batches.get(name, self._account_of(request))
        if batch is None:
            raise ApiError(404, f"Message batch {name} not found.")
        return batch

    async def _may_fail(self, request: web.Request) -> Fault | None:
        """Raise what an armed fault says; one that strikes in the middle is returned."""
        fault = self._provider.faults.take(FAULTS, exactly=True)
        if fault is not None and fault.kind is FaultKind.STATUS:
            raise fault.as_error()
        return fault

    async def _advance(self, batch: MessageBatch) -> None:
        now = self._provider.clock.now()
        if batch.ended_at is None and now >= batch.created_at + LIFETIME:
            batch.end(EXPIRED, now)
        for number, item in enumerate(self._provider.batches.due(batch)):
            batch.results[item.custom_id] = self._result(batch, item)
            if number % _PAUSE_EVERY == 0:
                await asyncio.sleep(0)
        if batch.ended_at is None and self._provider.batches.may_end(batch):
            batch.end(CANCELED, now)

    def _result(self, batch: MessageBatch, item: BatchItem) -> Json:
        request_id = f"{batch.id}:{item.custom_id}"
        try:
            message = self._answered(batch, dict(item.params), request_id)
        except ApiError as error:
            return {"type": ERRORED, "error": error_body(error, request_id)}
        return {"type": SUCCEEDED, "message": message}

    def _answered(self, batch: MessageBatch, params: Json, request_id: str) -> Json:
        """The message that answers one request, which is on the bill from then on. Raises `ApiError`."""
        provider = self._provider
        fault = provider.faults.take(params.get("model"))
        if fault is not None:
            raise fault.as_error()
        model = find_model(str(params.get("model")), provider.clock.now())
        if model is None:
            raise ApiError(404, f"model: {params.get('model')}")
        check_request(params, model, version=batch.version)
        prompt = read_prompt(params, model.id)
        check_size(prompt, model)
        check_thinking_seals(params, prompt, model)
        asked = Asked(params, model)
        reply = provider.script.choose(asked) or make_up(asked)
        answer: Answer = compose(
            reply, asked=asked, prompt=prompt, tokens_per_chunk=1, new_id=provider.new_id
        )
        use = provider.cache.look_up(prompt, model=model, account=batch.account)
        provider.cache.settle(use)
        usage: Usage = reply.usage or replace(use.usage, output_tokens=answer.output_tokens)
        head = Head(provider.new_id("msg_01"), model.reported_id, usage)
        provider.charge(
            request_id=request_id,
            message_id=head.message_id,
            account=batch.account,
            model=model,
            usage=usage,
            sent_tokens=answer.output_tokens,
            answer=answer,
            complete=True,
            batch=True,
        )
        body = message_body(head, answer, usage)
        return {**body, "usage": {**body["usage"], "service_tier": "batch"}}


def _items(body: Mapping[str, Any]) -> list[BatchItem]:
    """The requests; what is wrong with one's `params` shows only in its result. Raises `ApiError`."""
    requests = body.get("requests")
    if not isinstance(requests, list) or not requests:
        raise invalid("requests", "List should have at least 1 item")
    if len(requests) > MAX_REQUESTS:
        raise invalid("requests", f"List should have at most {MAX_REQUESTS} items")
    items: dict[str, BatchItem] = {}
    for index, each in enumerate(requests):
        item = _item(each, f"requests.{index}")
        if item.custom_id in items:
            raise invalid(f"requests.{index}.custom_id", "custom_id must be unique")
        items[item.custom_id] = item
    return list(items.values())


def _item(given: object, path: str) -> BatchItem:
    if not isinstance(given, Mapping):
        raise invalid(path, "Input should be a valid dictionary")
    custom_id, params = given.get("custom_id"), given.get("params")
    if not isinstance(custom_id, str) or not _CUSTOM_ID.fullmatch(custom_id):
        pattern = f"String should match pattern '^{_CUSTOM_ID.pattern}$'"
        raise invalid(f"{path}.custom_id", pattern)
    if not isinstance(params, Mapping):
        raise invalid(f"{path}.params", "Field required")
    return BatchItem(custom_id, params)


def _page(found: list[MessageBatch], request: web.Request) -> Json:
    query = request.query
    try:
        limit = int(query.get("limit", "20"))
    except ValueError:
        limit = 0
    if not 1 <= limit <= 1000:
        raise invalid("limit", "Input should be between 1 and 1000")
    ids = [each.id for each in found]
    if (after := query.get("after_id")) in ids:
        found = found[ids.index(str(after)) + 1 :]
    if (before := query.get("before_id")) in ids:
        found = found[: ids.index(str(before))][-limit:]
    shown = [each.body(_origin(request)) for each in found[:limit]]
    return {
        "data": shown,
        "has_more": len(found) > limit,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
    }


def _origin(request: web.Request) -> str:
    return f"{request.scheme}://{request.host}"
