"""Where files are sent to and fetched from."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from sandbox.outcome import Outcome
from sandbox.slack.errors import SlackError
from sandbox.slack.platform import Platform
from sandbox.slack.striking import strike, strike_late
from sandbox.slack.world import InstallationState
from sandbox.striking import Struck

_LOGIN_PAGE = "<!doctype html><title>Sign in</title>"
_Handler = Callable[[web.Request], Awaitable[web.Response]]


class FilesEndpoint:
    """Uploads by address, and downloads with a token."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def routes(self) -> list[web.RouteDef]:
        """The routes of files."""
        return [
            web.post("/upload/v1/{file}", self.upload),
            web.get("/files/{team_and_file}/{name}", self.download),
            web.get("/files/{team_and_file}/download/{name}", self.download),
        ]

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """POST the content, raw or as a form; known to faults and the log as `upload`."""
        return await self._answered("upload", request, self._upload)

    async def download(self, request: web.Request) -> web.StreamResponse:
        """GET the content; known to faults and the log as `download`."""
        return await self._answered("download", request, self._download)

    async def _answered(
        self, name: str, request: web.Request, handler: _Handler
    ) -> web.StreamResponse:
        log, facts = self._platform.log, Outcome.DISCONNECTED
        number = log.note(at=self._platform.clock.now(), method=name, args=dict(request.match_info))
        fault = self._platform.faults.take(name)
        try:
            if fault is not None:
                await strike(request, fault, self._platform.clock)
            answer = await handler(request)
            facts = Outcome.ANSWERED if answer.status == 200 else Outcome.REFUSED
            if fault is not None:
                strike_late(request, fault)
        except SlackError as error:
            answer, facts = web.Response(status=error.status), Outcome.FAULTED
        except Struck as struck:
            answer, facts = struck.answer, Outcome.FAULTED
        finally:
            log.change(number, outcome=facts)
        return answer

    async def _upload(self, request: web.Request) -> web.Response:
        file = self._platform.files.get(request.match_info["file"])
        if file is None or file.complete:
            return web.Response(status=404, text="no such upload")
        content = await _content_of(request)
        if len(content) != file.size_bytes:
            return web.Response(status=400, text="the length is not what was announced")
        self._platform.file_contents[file.id] = content
        return web.Response(text=f"OK - {len(content)}")

    async def _download(self, request: web.Request) -> web.Response:
        """Without a good token one gets a page to log in at, with status 200, as from Slack."""
        if not self._may_read(request):
            return web.Response(text=_LOGIN_PAGE, content_type="text/html")
        _, _, file_id = request.match_info["team_and_file"].partition("-")
        file = self._platform.files.get(file_id)
        if file is None or file_id not in self._platform.file_contents:
            return web.Response(status=404, text="no such file")
        return web.Response(
            body=self._platform.file_contents[file_id], content_type=file.media_type
        )

    def _may_read(self, request: web.Request) -> bool:
        token = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        found = self._platform.world.installation_of(token)
        return (
            found is not None
            and found.state is InstallationState.ACTIVE
            and "files:read" in found.scopes
        )


async def _content_of(request: web.Request) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    form = await request.post()
    for value in form.values():
        if isinstance(value, web.FileField):
            return value.file.read()
        if isinstance(value, bytes | bytearray):
            return bytes(value)
    return b""
