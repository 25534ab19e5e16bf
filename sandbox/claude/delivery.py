"""Getting an answer out to the client: paced, held at the gate, and broken where a fault says so."""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from bot.vocabulary import Usage
from sandbox.claude.answer import Answer
from sandbox.claude.faults import Fault, FaultKind
from sandbox.claude.pace import Pace
from sandbox.claude.prompt_cache import CacheUse
from sandbox.claude.provider import Provider
from sandbox.claude.stream import Frame, Head, frames, message_body, position_after
from sandbox.connection import break_connection
from sandbox.striking import hang
from sandbox.wire import to_event, to_json

_TRUNCATED = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"del\n\n'
_UNKNOWN = to_event({"type": "weather_report", "outlook": "fair"}) + to_event(
    {"type": "content_block_delta", "index": 0, "delta": {"type": "shimmer_delta", "shimmer": 1}}
)


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One answer on its way. After `run`, or when it was cancelled, `sent_tokens` and `complete` say
    how far it came; `begun` that the response had started."""

    provider: Provider
    request: web.Request
    request_id: str
    head: Head
    answer: Answer
    usage: Usage
    cache_use: CacheUse
    pace: Pace
    fault: Fault | None
    headers: Mapping[str, str]
    begun: bool = False
    complete: bool = False
    broken: bool = False
    sent_tokens: int = 0
    _started_s: float = 0.0

    async def run(self, *, stream: bool) -> web.StreamResponse:
        """Send the answer; returns the response, finished or broken off."""
        self._started_s = self.provider.clock.monotonic()
        closed_at = self.provider.gate.closed_at
        if closed_at is not None and (closed_at < 0 or not stream):
            await self.provider.gate.wait()
        if stream:
            return await self._stream(None if closed_at is None or closed_at < 0 else closed_at)
        return await self._whole()

    async def _stream(self, held_after: int | None) -> web.StreamResponse:
        events = frames(self.head, self.answer, self.usage)
        hold_at = None if held_after is None else position_after(events, held_after)
        fail_at = None if self.fault is None else position_after(events, self.fault.after_chunks)
        await self._until(self.pace.first_token_s)
        response = web.StreamResponse(
            headers={
                **self.headers,
                "content-type": "text/event-stream; charset=utf-8",
                "cache-control": "no-cache",
            }
        )
        await self._begin(response)
        pending = _Pending(self, response)
        for index, frame in enumerate(events):
            if index == hold_at:
                await pending.flush()
                await self.provider.gate.wait()
            if index == fail_at and not await self._goes_on(pending):
                return response
            await self._in_time(frame, pending)
            pending.add(frame)
        await pending.flush()
        self.complete = True
        await response.write_eof()
        return response

    async def _begin(self, response: web.StreamResponse) -> None:
        """Send the headers; from here on the prompt counts as read, cached and owed."""
        await response.prepare(self.request)
        self.begun = True
        self.provider.cache.settle(self.cache_use)

    async def _in_time(self, frame: Frame, pending: "_Pending") -> None:
        if frame.chunk and self.pace.tokens_per_s is not None:
            due_s = self.pace.due_s(self.sent_tokens + pending.tokens + frame.tokens)
            if self._started_s + due_s > self.provider.clock.monotonic():
                await pending.flush()
                await self._until(due_s)

    async def _until(self, due_s: float) -> None:
        delay_s = self._started_s + due_s - self.provider.clock.monotonic()
        if delay_s > 0:
            await self.provider.clock.sleep(delay_s)

    async def _goes_on(self, pending: "_Pending") -> bool:
        """Do what the fault says in the middle of a stream; true if the stream then continues."""
        fault = self.fault
        assert fault is not None
        if fault.kind is FaultKind.DRIP:
            return True
        if fault.kind is FaultKind.UNKNOWN_EVENTS:
            pending.add(Frame(_UNKNOWN))
            return True
        await pending.flush()
        self.broken = True
        if fault.kind is FaultKind.STALL:
            await hang()
        elif fault.kind is FaultKind.CUT:
            break_connection(self.request, reset=fault.reset)
        else:
            if fault.kind is FaultKind.STREAM_ERROR:
                await pending.send(to_event(self._error_event(fault)))
            elif fault.kind is FaultKind.TRUNCATED_JSON:
                await pending.send(_TRUNCATED)
            await pending.response.write_eof()
        return False

    def _error_event(self, fault: Fault) -> Mapping[str, object]:
        error = fault.as_error()
        inner = {"type": error.error_type, "message": error.message}
        return {"type": "error", "error": inner, "request_id": self.request_id}

    async def _whole(self) -> web.StreamResponse:
        body = message_body(self.head, self.answer, self.usage)
        fault = self.fault
        if fault is not None and fault.kind is FaultKind.STREAM_ERROR:
            raise fault.as_error()
        if fault is not None and fault.kind is FaultKind.UNKNOWN_EVENTS:
            body["weather_report"] = {"outlook": "fair"}
        await self._until(self.pace.due_s(self.answer.output_tokens))
        return await self._write_whole(to_json(body).encode(), fault)

    async def _write_whole(self, data: bytes, fault: Fault | None) -> web.StreamResponse:
        response = web.StreamResponse(headers={**self.headers, "content-type": "application/json"})
        half = fault is not None and fault.kind in _HALF_A_BODY
        ends = fault is None or fault.kind not in (FaultKind.STALL, FaultKind.CUT)
        if half:
            self.broken = True
        sent = data[: len(data) // 2] if half else data
        response.content_length = len(sent) if ends else len(data)
        await self._begin(response)
        await _Pending(self, response).send(sent)
        if fault is not None and fault.kind is FaultKind.STALL:
            await hang()
        if fault is not None and fault.kind is FaultKind.CUT:
            break_connection(self.request, reset=fault.reset)
            return response
        if not half:
            self.sent_tokens = self.answer.output_tokens
            self.complete = True
        await response.write_eof()
        return response


_HALF_A_BODY = frozenset(
    {FaultKind.STALL, FaultKind.CUT, FaultKind.END_EARLY, FaultKind.TRUNCATED_JSON}
)


class _Pending:
    """Bytes that go out with the next write, so that events due together cost one write."""

    def __init__(self, delivery: Delivery, response: web.StreamResponse) -> None:
        self._delivery = delivery
        self._data = bytearray()
        self.response = response
        self.tokens = 0

    def add(self, frame: Frame) -> None:
        self._data += frame.data
        self.tokens += frame.tokens

    async def flush(self) -> None:
        """Send what is pending, and count it as sent."""
        if self._data:
            data, self._data = bytes(self._data), bytearray()
            await self.send(data)
        self._delivery.sent_tokens += self.tokens
        self.tokens = 0

    async def send(self, data: bytes) -> None:
        fault = self._delivery.fault
        if fault is None or fault.kind is not FaultKind.DRIP:
            await self.response.write(data)
            return
        for at in range(0, len(data), fault.bytes_per_write):
            await self.response.write(data[at : at + fault.bytes_per_write])
            await self._delivery.provider.clock.sleep(fault.delay_s)
