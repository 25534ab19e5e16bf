"""Reading what a request brings: JSON, or a form with `payload_json` and files.

https://discord.com/developers/docs/reference#uploading-files
"""

import json
from typing import Any, Final

from aiohttp import BodyPartReader, web

from sandbox.discord.drafts import Upload
from sandbox.discord.errors import refusal
from sandbox.discord.front import NUMBER
from sandbox.discord.request_log import RequestLog
from sandbox.wire import to_json

MAX_BODY_BYTES: Final = 25 * 1024 * 1024
"""https://discord.com/developers/docs/resources/message#create-message-limitations"""


async def read_json(request: web.Request, log: RequestLog) -> Any:
    """The JSON of a request; an empty object where there is none. Raises `ApiError`: 50109."""
    raw = await request.read()
    body = _parsed(raw) if raw else {}
    log.change(request[NUMBER], body=body)
    return body


async def read_object(request: web.Request, log: RequestLog) -> dict[str, Any]:
    """The same, and it must be an object."""
    body = await read_json(request, log)
    if not isinstance(body, dict):
        raise refusal(50035)
    return body


async def read_with_files(
    request: web.Request, log: RequestLog
) -> tuple[dict[str, Any], tuple[Upload, ...]]:
    """The JSON object of a request, and its files.

    Raises:
        ApiError: 50109 for what is no JSON, 40005 for what is too large.
    """
    if request.content_type != "multipart/form-data":
        return await read_object(request, log), ()
    body: dict[str, Any] = {}
    uploads: list[Upload] = []
    left = MAX_BODY_BYTES
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader)
        content = await _content(part, left)
        left -= len(content)
        if part.name == "payload_json":
            body = _parsed(content)
        elif part.filename is not None:
            uploads.append(
                Upload(
                    key=part.name or "",
                    filename=part.filename,
                    content_type=part.headers.get("Content-Type", "application/octet-stream"),
                    content=content,
                )
            )
    log.change(request[NUMBER], body=body, files=tuple(each.filename for each in uploads))
    return body, tuple(uploads)


async def _content(part: BodyPartReader, most: int) -> bytes:
    content = bytearray()
    while chunk := await part.read_chunk():
        content += chunk
        if len(content) > most:
            raise refusal(40005)
    return bytes(content)


def _parsed(raw: bytes) -> Any:
    try:
        body = json.loads(raw)
        if b"\\u" in raw:
            to_json(body).encode()  # half a surrogate pair parses, but is no text
        return body
    except (ValueError, RecursionError) as error:
        raise refusal(50109) from error
