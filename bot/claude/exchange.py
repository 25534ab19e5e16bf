"""One request to the Messages API and its streamed response, under its time limits.

The SDK sends the request and hands over the raw response; its events are decoded here. The SDK's own
stream makes a pydantic object of every event, and its helper a snapshot of the whole message besides;
`docs/benchmarks.md` has the figures.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing
from typing import Any

import anthropic
import httpx2

from bot.claude.admission import Slot
from bot.claude.bookkeeper import OpenEntry
from bot.claude.errors import BrokenStream, ClaudeError, DeadlineExceeded, RateLimited, TimedOut
from bot.claude.message_reader import MessageReader
from bot.claude.sse import SseParser
from bot.claude.timeouts import Timeouts
from bot.claude.translate import translate
from bot.vocabulary import Clock, EntryStatus, Usage

DRAIN_S = 0.25
"""After the last event the response is read to its end, so that its connection can be used again."""


class Exchange:
    """One request. `reader` gathers the message; `texts` can be run once."""

    def __init__(
        self,
        *,
        sdk: anthropic.AsyncAnthropic,
        clock: Clock,
        timeouts: Timeouts,
        body: dict[str, Any],
        reader: MessageReader,
        slot: Slot,
        entry: OpenEntry,
        deadline: float,
    ) -> None:
        self.reader = reader
        self._sdk = sdk
        self._clock = clock
        self._timeouts = timeouts.within(deadline - clock.monotonic())
        self._body = body
        self._slot = slot
        self._entry = entry
        self._deadline = deadline

    async def texts(self) -> AsyncGenerator[str, None]:
        """The text as it comes, everything of one network chunk at once. Ends when the message is
        complete; the connection is released however it ends.

        Raises:
            ClaudeError: whatever went wrong; text so far is void.
        """
        parser, reader = SseParser(), self.reader
        try:
            async with aclosing(self._chunks()) as chunks:
                async for chunk in chunks:
                    text = self._read(parser.feed(chunk)) if not reader.finished else ""
                    if text:
                        yield text
            if not reader.finished:
                raise BrokenStream("the response ended before the message did", model=reader.model)
        except ClaudeError as error:
            raise self._completed(error) from error.__cause__
        except Exception as error:
            raise self._completed(self._translated(error)) from error

    def settlement(
        self, error: BaseException, expected_input_tokens: int
    ) -> tuple[EntryStatus, Usage]:
        """How the ledger entry of a request that ended with `error` is to be closed.

        Nothing is owed for what the provider refused or never got. What it may have worked on is
        estimated: the input as it reported it or else as expected, the output as far as it came.
        """
        if self.reader.finished:
            return EntryStatus.COMPLETED, self.reader.usage
        if self.reader.started:
            return EntryStatus.ESTIMATED, self.reader.usage
        if isinstance(error, ClaudeError) and not error.worked_on:
            return EntryStatus.UNBILLED, Usage()
        return EntryStatus.ESTIMATED, Usage(input_tokens=expected_input_tokens)

    def _read(self, events: list[dict[str, Any]]) -> str:
        text = "".join([self.reader.take(event) for event in events])
        if self.reader.started and self._entry.wants_progress:
            self._entry.progress(self.reader.usage)
        return text

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        """What comes from the network, as it comes."""
        async with AsyncExitStack() as stack:
            until = self._clock.monotonic() + self._timeouts.first_event_s
            async with self._patience(until):
                response = await stack.enter_async_context(
                    self._sdk.messages.with_streaming_response.create(
                        **self._body,
                        stream=True,
                        timeout=httpx2.Timeout(None, connect=self._timeouts.connect_s),
                        # A compressed stream would come in lumps, and cost time to unpack.
                        extra_headers={"accept-encoding": "identity"},
                    )
                )
            self.reader.request_id = response.headers.get("request-id")
            self._slot.answered(response.headers)
            chunks = await stack.enter_async_context(aclosing(response.http_response.aiter_bytes()))
            while (chunk := await self._next(chunks, until)) is not None:
                yield chunk
                until = self._clock.monotonic() + self._timeouts.idle_s

    async def _next(self, chunks: AsyncIterator[bytes], until: float) -> bytes | None:
        if self.reader.finished:
            return await self._drained(chunks)
        async with self._patience(until):
            return await anext(chunks, None)

    async def _drained(self, chunks: AsyncIterator[bytes]) -> bytes | None:
        """The message is complete: what the connection does now can't hurt it any more."""
        try:
            async with asyncio.timeout(DRAIN_S):
                return await anext(chunks, None)
        except Exception:  # the connection is closed instead of being used again
            return None

    def _patience(self, until: float) -> asyncio.Timeout:
        """Raises `TimeoutError` in the block at this time of the clock, or at the deadline."""
        return asyncio.timeout(max(0.0, min(until, self._deadline) - self._clock.monotonic()))

    def _translated(self, error: Exception) -> ClaudeError:
        if isinstance(error, anthropic.APIStatusError):
            self._slot.answered(error.response.headers)
        return self._timed_out(error) or translate(
            error, model=self.reader.model, now=self._clock.now()
        )

    def _completed(self, error: ClaudeError) -> ClaudeError:
        """The error with what only this request knows."""
        error.model = self.reader.model
        error.request_id = error.request_id or self.reader.request_id
        if self.reader.request_id is not None and error.status is None:
            error.worked_on = True  # a response had begun
        if isinstance(error, RateLimited) and error.retry_after_s:
            self._slot.told_to_wait(error.retry_after_s)
        return error

    def _timed_out(self, error: Exception) -> ClaudeError | None:
        if not isinstance(error, TimeoutError):
            return None
        too_late = self._clock.monotonic() >= self._deadline
        timed_out = DeadlineExceeded() if too_late else TimedOut()
        timed_out.worked_on = True
        return timed_out
