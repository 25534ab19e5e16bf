"""Where files are sent to and fetched from."""

from aiohttp import web

from sandbox.slack.platform import Platform
from sandbox.slack.world import InstallationState


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

    async def upload(self, request: web.Request) -> web.Response:
        """POST the content, raw or as a form."""
        file = self._platform.files.get(request.match_info["file"])
        if file is None or file.complete:
            return web.Response(status=404, text="no such upload")
        content = await _content_of(request)
        if len(content) != file.size_bytes:
            return web.Response(status=400, text="the length is not what was announced")
        self._platform.file_contents[file.id] = content
        return web.Response(text=f"OK - {len(content)}")

    async def download(self, request: web.Request) -> web.Response:
        """GET the content; without a good token one gets a page to log in at, with status 200."""
        _, _, file_id = request.match_info["team_and_file"].partition("-")
        file = self._platform.files.get(file_id)
        if not self._may_read(request):
            return web.Response(
                text="<!doctype html><title>Sign in</title>", content_type="text/html"
            )
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
