"""Makes up a value that conforms to a JSON schema: what the model answers when nobody scripted it."""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.claude.schemas import Schema, resolve

_STRING_FORMATS: Mapping[str, str] = {
    "date": "2026-11-23",
    "time": "09:00:00Z",
    "date-time": "2026-11-23T09:00:00Z",
    "duration": "PT1H",
    "email": "ada@example.com",
    "hostname": "example.com",
    "uri": "https://example.com/",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def example_of(schema: Schema, *, about: str = "") -> Any:
    """A value that conforms; strings without a format quote the start of `about`."""
    return _example(schema, schema, "value", about[:80])


def _example(schema: Schema, root: Schema, name: str, about: str) -> Any:
    schema = resolve(schema, root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for combined in ("anyOf", "allOf"):
        if combined in schema:
            return _example(_first_real(schema[combined]), root, name, about)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    return _MAKERS[kind](schema, root, name, about)


def _first_real(options: list[Schema]) -> Schema:
    return next((option for option in options if option.get("type") != "null"), options[0])


def _object(schema: Schema, root: Schema, name: str, about: str) -> dict[str, Any]:
    properties: Mapping[str, Schema] = schema.get("properties") or {}
    return {key: _example(inner, root, key, about) for key, inner in properties.items()}


def _array(schema: Schema, root: Schema, name: str, about: str) -> list[Any]:
    return [_example(schema.get("items") or {}, root, name, about)]


def _string(schema: Schema, root: Schema, name: str, about: str) -> str:
    return _STRING_FORMATS.get(schema.get("format", ""), "") or about or name


_MAKERS: Mapping[str, Callable[[Schema, Schema, str, str], Any]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": lambda schema, root, name, about: 1,
    "number": lambda schema, root, name, about: 1.5,
    "boolean": lambda schema, root, name, about: True,
    "null": lambda schema, root, name, about: None,
}
