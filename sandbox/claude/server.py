"""The simulated Claude API on loopback."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable

from aiohttp import web

from bot.vocabulary import Clock, SystemClock
from sandbox.changes import WAIT_S
from sandbox.claude.batches import Batches
from sandbox.claude.bill import Bill
from sandbox.claude.control import Control
from sandbox.claude.endpoints import REQUEST_ID, Endpoints
from sandbox.claude.errors import ApiError, error_body
from sandbox.claude.faults import Fault, Faults
from sandbox.claude.limits import RateLimits
from sandbox.claude.pace import Pace
from sandbox.claude.prompt_cache import PromptCache
from sandbox.claude.provider import Provider
from sandbox.claude.request_log import SeenRequest
from sandbox.claude.script import Script
from sandbox.claude.validation import MAX_BODY_BYTES
from sandbox.serving import Site, Startable

ORGANIZATION_ID = "00000000-0000-4000-8000-000000000001"
_log = logging.getLogger(__name__)

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class SimulatedClaude(Startable):
    """A Claude API that real SDKs can talk to: `async with SimulatedClaude() as claude`.

    It answers at once unless `pace` says otherwise. `script` says what it replies, `faults` how it
    fails, `hold` stops it in the middle; `requests` and `bill` tell what it saw. After `stop` it can
    be started again, on the same port and with all it knew: an outage.
    """

    name = "claude"

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        pace: Pace = Pace.instant(),  # noqa: B008 - an immutable value
        limits: RateLimits = RateLimits(),  # noqa: B008 - an immutable value
        clock: Clock | None = None,
        random_bits: Callable[[int], int] = secrets.randbits,
    ) -> None:
        self._site = Site(host, port)
        self._provider = Provider(
            clock=clock or SystemClock(), random_bits=random_bits, pace=pace, limits=limits
        )

    @classmethod
    def for_people(cls, *, port: int = 0) -> "SimulatedClaude":
        """One that writes at a pleasant pace, for trying things out."""
        return cls(port=port, pace=Pace.pleasant())

    async def start(self) -> None:
        """Listen. Raises `OSError` if the port is taken."""
        self._provider.stopping.clear()
        app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[self._with_errors])
        app.on_response_prepare.append(_identify)
        app.add_routes(Endpoints(self._provider).routes())
        app.add_routes(Control(self._provider).routes())
        await self._site.start(app)

    async def stop(self) -> None:
        """Stop listening and break off what is running; fine if it is not running."""
        self._provider.stopping.set()
        await self._site.stop()

    @property
    def base_url(self) -> str:
        """Where it listens: what `ANTHROPIC_BASE_URL` must say."""
        return f"http://{self._site.address}"

    @property
    def script(self) -> Script:
        """What it replies."""
        return self._provider.script

    @property
    def faults(self) -> Faults:
        """How it fails."""
        return self._provider.faults

    @property
    def cache(self) -> PromptCache:
        """Its prompt cache."""
        return self._provider.cache

    @property
    def pace(self) -> Pace:
        """How fast it writes; may be set at any time, for replies that start then."""
        return self._provider.pace

    @pace.setter
    def pace(self, pace: Pace) -> None:
        self._provider.pace = pace

    @property
    def limits(self) -> RateLimits:
        """Its rate limits; setting them fills the buckets."""
        return self._provider.limiter.limits

    @limits.setter
    def limits(self, limits: RateLimits) -> None:
        self._provider.limiter.change(limits)

    @property
    def requests(self) -> tuple[SeenRequest, ...]:
        """The last message requests it got, oldest first."""
        return self._provider.log.seen

    @property
    def running(self) -> int:
        """How many message requests are being answered now."""
        return self._provider.running

    @property
    def other_calls(self) -> dict[str, int]:
        """How often its other endpoints were called: `count_tokens`, `models`, `batches.create`, …"""
        return dict(self._provider.other_calls)

    def calls_of(self, what: str) -> int:
        """How often one of them was called, such as `batches.create`."""
        return self._provider.other_calls.get(what, 0)

    @property
    def batches(self) -> Batches:
        """Its message batches, which can be held and released."""
        return self._provider.batches

    def expire_batches(self) -> None:
        """Let the message batches that are under way run out of time."""
        self._provider.batches.expire(self._provider.clock.now())

    def bill(self) -> Bill:
        """What it would charge."""
        return self._provider.bill()

    def fail_next(self, *faults: Fault, times: int | None = 1, model: str | None = None) -> None:
        """Fail the next `times` requests with each fault in turn; None for always. `model` may be
        `batches`, for the endpoints of message batches."""
        self._provider.faults.arm(*faults, times=times, model=model)

    def hold(self, after_chunks: int | None = None) -> None:
        """Hold replies that start from now on: before their first byte, or after that many deltas."""
        self._provider.gate.hold(after_chunks)

    def release(self) -> None:
        """Let held replies go on, and hold nothing more."""
        self._provider.gate.release()

    async def wait_for_request(self, count: int = 1, *, timeout_s: float = WAIT_S) -> None:
        """Return once that many message requests have come in. Raises `TimeoutError`."""
        log = self._provider.log
        await self._until(lambda: log.count >= count, f"{count} requests", timeout_s)

    async def wait_for_held(self, count: int = 1, *, timeout_s: float = WAIT_S) -> None:
        """Return once that many replies are being held. Raises `TimeoutError`."""
        gate = self._provider.gate
        await self._until(lambda: gate.held >= count, f"{count} held replies", timeout_s)

    async def wait_for_disconnect(self, count: int = 1, *, timeout_s: float = WAIT_S) -> None:
        """Return once that many clients have gone away too early. Raises `TimeoutError`."""
        log = self._provider.log
        await self._until(lambda: log.disconnects >= count, f"{count} disconnects", timeout_s)

    async def wait_for_bill(self, count: int = 1, *, timeout_s: float = WAIT_S) -> None:
        """Return once that many requests are on the bill. Raises `TimeoutError`."""
        await self._until(
            lambda: len(self.bill().rows) >= count, f"{count} billed requests", timeout_s
        )

    def reset(self) -> None:
        """Back to the beginning: no script, no faults, nothing cached, billed or remembered."""
        self._provider.reset()

    async def _until(self, condition: Callable[[], bool], what: str, timeout_s: float) -> None:
        await self._provider.changes.until(condition, what=what, timeout_s=timeout_s)

    @web.middleware
    async def _with_errors(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        request[REQUEST_ID] = request_id = self._provider.new_id("req_01")
        try:
            return await handler(request)
        except ApiError as error:
            failed = error
        except web.HTTPRequestEntityTooLarge:
            await _read_to_the_end(request)
            failed = ApiError(413)
        except web.HTTPException as error:
            failed = ApiError(error.status if error.status != 405 else 404)
        except ConnectionError:  # the client is gone; nobody will read this
            return web.Response()
        except asyncio.CancelledError:
            raise
        except Exception:
            _log.exception("the simulated Claude failed at %s", request_id)
            failed = ApiError(500)
        return web.json_response(
            error_body(failed, request_id), status=failed.status, headers=failed.headers
        )


async def _read_to_the_end(request: web.Request) -> None:
    """Let the client finish sending, so that it gets to read why it was refused."""
    read = 0
    async for chunk in request.content.iter_any():
        read += len(chunk)
        if read > MAX_BODY_BYTES:
            return


async def _identify(request: web.Request, response: web.StreamResponse) -> None:
    response.headers["request-id"] = request[REQUEST_ID]
    response.headers["anthropic-organization-id"] = ORGANIZATION_ID
