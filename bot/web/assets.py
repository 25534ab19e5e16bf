"""The files that pages are made of, out of the package, with headers that allow nothing else."""

import hashlib
import mimetypes
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import Final

from aiohttp import web

STATIC: Final = Path(__file__).parent / "static"

HEADERS: Final = MappingProxyType(
    {
        # Nothing from elsewhere, no script or style within the page, no frame around it.
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
            "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
)

_TYPES: Final = MappingProxyType(
    {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
)


@dataclass(frozen=True, slots=True)
class _Asset:
    content: bytes
    media_type: str
    tag: str


class Assets:
    """All files below a folder, read once; a path that is not among them is not there."""

    def __init__(self, folder: Path = STATIC) -> None:
        self._files = {
            path.relative_to(folder).as_posix(): _read(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    def response(self, name: str, request: web.Request) -> web.Response:
        """The file, or that it has not changed since the asker had it."""
        asset = self._files.get(name)
        if asset is None:
            return web.Response(status=HTTPStatus.NOT_FOUND, text="Not found.", headers=HEADERS)
        headers = {**HEADERS, "ETag": asset.tag, "Cache-Control": "no-cache"}
        if request.headers.get("If-None-Match") == asset.tag:
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        return web.Response(
            body=asset.content, content_type=asset.media_type, charset="utf-8", headers=headers
        )


def _read(path: Path) -> _Asset:
    content = path.read_bytes()
    guessed = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    tag = hashlib.sha256(content).hexdigest()[:20]
    return _Asset(content, guessed or "application/octet-stream", f'"{tag}"')
