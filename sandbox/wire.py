"""JSON and server-sent events as they go over the wire."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter

_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def to_json(value: object) -> str:
    """The value as compact JSON, without escaping what is not ASCII."""
    return _encoder.encode(value)


def to_event(body: Mapping[str, Any]) -> bytes:
    """One server-sent event, named after the body's `type`."""
    return f"event: {body['type']}\ndata: {to_json(body)}\n\n".encode()


class BadJson(Exception):
    """A request's body is not a JSON object."""


def read_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in a request's body. Raises `BadJson` with the reason."""
    try:
        body = json.loads(raw)
        if b"\\u" in raw:
            to_json(body).encode()  # half a surrogate pair parses, but is no text
    except UnicodeEncodeError as error:
        raise BadJson("no low surrogate in string") from error
    except (ValueError, RecursionError) as error:
        raise BadJson(str(error)) from error
    if not isinstance(body, dict):
        raise BadJson("Input should be an object")
    return body


@cache
def adapter_of(kind: Any) -> TypeAdapter[Any]:
    """What reads and writes values of this type as JSON.

    It is made when it is first asked for: that takes long, and most who start a simulator steer it from the
    same process, where nothing has to be read.
    """
    return TypeAdapter(kind)
