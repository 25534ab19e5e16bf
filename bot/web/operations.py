"""The pages that machines ask: `/healthz`, `/readyz` and `/metrics`."""

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from bot.web.readiness import Readiness


class OperationsPages:
    """Health, readiness and metrics as routes."""

    def __init__(self, *, readiness: Readiness, registry: CollectorRegistry) -> None:
        self._readiness = readiness
        self._registry = registry

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
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(self._registry), headers={"Content-Type": content_type})
