"""The web server, asked over HTTP as a probe or a collector would ask it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, web
from prometheus_client import CollectorRegistry

from bot.telemetry.metrics import Metrics
from bot.web.operations import OperationsPages
from bot.web.readiness import Readiness
from bot.web.server import WebServer, WebServerError
from config.environment import HttpAddress

ANY_PORT = HttpAddress(host="127.0.0.1", port=0)


@asynccontextmanager
async def serving(
    *,
    readiness: Readiness | None = None,
    registry: CollectorRegistry | None = None,
) -> AsyncIterator[str]:
    server = WebServer(address=ANY_PORT)
    pages = OperationsPages(
        readiness=readiness or Readiness(),
        registry=registry or CollectorRegistry(),
    )
    server.add_routes(pages.routes())
    await server.start()
    try:
        yield server.url
    finally:
        await server.stop()


async def test_alive_before_ready() -> None:
    """`/healthz` answers 200 while `/readyz` still answers 503 and says what is missing."""
    readiness = Readiness()
    readiness.register("slack", lambda: False)
    async with serving(readiness=readiness) as url, ClientSession() as http:
        async with http.get(f"{url}/healthz") as alive:
            assert alive.status == 200
        async with http.get(f"{url}/readyz") as ready:
            assert ready.status == 503
            assert await ready.json() == {"ready": False, "checks": {"slack": "not ready"}}


async def test_ready() -> None:
    """`/readyz` answers 200 once every check passes."""
    readiness = Readiness()
    readiness.register("slack", lambda: True)
    async with (
        serving(readiness=readiness) as url,
        ClientSession() as http,
        http.get(f"{url}/readyz") as ready,
    ):
        assert ready.status == 200
        assert await ready.json() == {"ready": True, "checks": {"slack": "ok"}}


async def test_metrics() -> None:
    """A scrape shows what was counted and sampled, as Prometheus reads it."""
    metrics = Metrics(registry=CollectorRegistry())
    metrics.queue_sampled(depth=3, oldest_waiting_s=4.5)
    metrics.database_failed("unreachable")
    async with (
        serving(registry=metrics.registry) as url,
        ClientSession() as http,
        http.get(f"{url}/metrics") as response,
    ):
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/plain; version=")
        shown = await response.text()
    assert "parley_queue_depth 3.0" in shown
    assert 'parley_database_errors_total{kind="unreachable"} 1.0' in shown


async def test_a_port_in_use_is_said_with_its_remedy() -> None:
    """The message names PARLEY_HTTP, the address and what to do."""
    first = WebServer(address=ANY_PORT)
    await first.start()
    port = int(first.url.rpartition(":")[2])
    second = WebServer(address=HttpAddress(host="127.0.0.1", port=port))
    try:
        with pytest.raises(
            WebServerError, match=rf"PARLEY_HTTP=127\.0\.0\.1:{port}: another process"
        ):
            await second.start()
    finally:
        await second.stop()
        await first.stop()


async def test_an_address_of_another_machine_is_refused_plainly() -> None:
    """An address that this machine does not have is said to be that."""
    server = WebServer(address=HttpAddress(host="192.0.2.1", port=0))  # reserved for documentation
    with pytest.raises(WebServerError, match=r"can't listen there"):
        await server.start()


async def test_others_add_routes() -> None:
    """Whoever composes the service can serve more on the same port."""

    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    server = WebServer(address=ANY_PORT)
    server.add_routes([web.get("/hello", hello)])
    await server.start()
    async with ClientSession() as http, http.get(f"{server.url}/hello") as response:
        assert await response.text() == "hello"
    await server.stop()


async def test_a_request_that_never_ends_holds_no_shutdown() -> None:
    """Stopping cuts off a handler that hangs, and the port is free again."""
    begun = asyncio.Event()

    async def hangs(_: web.Request) -> web.Response:
        begun.set()
        await asyncio.Event().wait()
        return web.Response()

    server = WebServer(address=ANY_PORT, stop_s=0.05)
    server.add_routes([web.get("/hangs", hangs)])
    await server.start()
    port = int(server.url.rpartition(":")[2])
    async with ClientSession() as http:
        asking = asyncio.create_task(http.get(f"{server.url}/hangs"))
        await begun.wait()
        async with asyncio.timeout(10):
            await server.stop()
            await asyncio.gather(asking, return_exceptions=True)
    again = WebServer(address=HttpAddress(host="127.0.0.1", port=port))
    await again.start()
    await again.stop()


async def test_stopping_twice_or_unstarted_is_fine() -> None:
    """A shutdown need not know how far the start had come."""
    server = WebServer(address=ANY_PORT)
    await server.stop()
    await server.start()
    await server.stop()
    await server.stop()
    with pytest.raises(RuntimeError):
        _ = server.url
