"""The pages that machines ask: `/healthz`, `/readyz` and `/metrics`."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from bot.web.readiness import Readiness

Sampler = Callable[[], Awaitable[None]]
"""Brings gauges up to date, such as the queue's depth; asked whenever metrics are."""

SAMPLER_DEADLINE_S: Final = 2.0

_log = structlog.get_logger(__name__)


class OperationsPages:
    """Health, readiness and metrics as routes."""

    def __init__(
        self,
        *,
        readiness: Readiness,
        registry: CollectorRegistry,
        samplers: Sequence[Sampler] = (),
    ) -> None:
        self._readiness = readiness
        self._registry = registry
        self._samplers = tuple(samplers)

    def routes(self) -> list[web.RouteDef]:
        """For `WebServer.add_routes`."""
        return [
            web.get("/healthz", self.health),
            web.get("/readyz", self.ready),
            web.get("/metrics", self.metrics),
        ]

    async def health(self, _: web.Request) -> web.Response:
        """200 as long as the process answers at all."""
        return web.json_response({"alive": True})

    async def ready(self, _: web.Request) -> web.Response:
        """200 when every check passes; 503 otherwise, with what each check said."""
        report = await self._readiness.report()
        return web.json_response(
            {"ready": report.ready, "checks": report.checks}, status=200 if report.ready else 503
        )

    async def metrics(self, request: web.Request) -> web.Response:
        """All metrics, in the exposition format that the asker prefers."""
        await asyncio.gather(*(_sample(sampler) for sampler in self._samplers))
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(self._registry), headers={"Content-Type": content_type})


async def _sample(sampler: Sampler) -> None:
    """Old gauges are better than no metrics: a sampler that fails or hangs is logged and left out."""
    try:
        async with asyncio.timeout(SAMPLER_DEADLINE_S):
            await sampler()
    except Exception as error:  # whatever it is, the other metrics are still wanted
        _log.warning("metrics: a gauge could not be brought up to date", error=type(error).__name__)
