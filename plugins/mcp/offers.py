"""What of a server's tools can be offered to Claude, and under which names.

A single tool that the API does not take would fail every answer, so each is looked at here first.
Source: https://platform.claude.com/docs/en/agents-and-tools/tool-use/implement-tool-use
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from plugins.mcp.settings import ServerSettings

MAX_SCHEMA_CHARS = 20_000
MAX_DESCRIPTION_CHARS = 4_000
MAX_NAME_CHARS = 64 - len("mcp__")

_UNFIT = re.compile(r"[^A-Za-z0-9_-]")
_PROPERTY = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Listed(Protocol):
    """A tool as the server lists it."""

    name: str
    description: str | None
    input_schema: dict[str, Any]
    annotations: Any


@dataclass(frozen=True, slots=True)
class Offer:
    """A tool that is offered. `name` is without the plugin's, `tool` what its server calls it."""

    name: str
    tool: str
    description: str
    schema: Mapping[str, Any]
    confirm: bool


@dataclass(frozen=True, slots=True)
class Assortment:
    """A server's tools: what is offered, in the order of names, and why the others are not."""

    offers: Sequence[Offer] = ()
    left_out: Mapping[str, str] | None = None


def sorted_out(server: str, settings: ServerSettings, listed: Iterable[Listed]) -> Assortment:
    """What of the listed tools is offered."""
    offers: dict[str, Offer] = {}
    left_out: dict[str, str] = {}
    for tool in sorted(listed, key=lambda each: each.name):
        if not settings.offers(tool.name):
            continue
        why = _problem(tool.input_schema)
        if why is None and len(offers) >= settings.max_tools:
            why = f"there are more than {settings.max_tools}"
        if why is not None:
            left_out[tool.name[:MAX_NAME_CHARS]] = why
            continue
        offer = _offer(server, settings, tool)
        offers[offer.name] = offer
    return Assortment(tuple(offers.values()), left_out)


def _offer(server: str, settings: ServerSettings, tool: Listed) -> Offer:
    read_only = bool(getattr(tool.annotations, "read_only_hint", False))
    return Offer(
        name=_fitting(f"{server}__", tool.name),
        tool=tool.name,
        description=(tool.description or tool.name)[:MAX_DESCRIPTION_CHARS],
        schema={"properties": {}, **tool.input_schema},
        confirm=settings.asks_first(tool.name, read_only=read_only),
    )


def _fitting(prefix: str, name: str) -> str:
    """The name behind the prefix, if it can be one; else one that is like it, and no other's."""
    fit = f"{prefix}{_UNFIT.sub('_', name)}"
    if fit == f"{prefix}{name}" and len(fit) <= MAX_NAME_CHARS:
        return fit
    mark = hashlib.sha256(name.encode()).hexdigest()[:6]
    return f"{fit[: MAX_NAME_CHARS - 7]}_{mark}"


def _problem(schema: Mapping[str, Any]) -> str | None:
    """Why a tool with these arguments can't be offered."""
    if schema.get("type") != "object":
        return "its arguments are no object"
    if any(key in schema for key in ("oneOf", "anyOf", "allOf")):
        return "its arguments are a choice between several objects"
    properties = schema.get("properties", {})
    if not isinstance(properties, dict) or not all(map(_PROPERTY.fullmatch, properties)):
        return "an argument has a name that can't be one"
    if len(json.dumps(schema)) > MAX_SCHEMA_CHARS:
        return "the description of its arguments is too long"
    return _invalid(schema)


def _invalid(schema: Mapping[str, Any]) -> str | None:
    from jsonschema import Draft202012Validator, SchemaError  # late: most have no server

    try:
        Draft202012Validator.check_schema(schema)
    except (SchemaError, RecursionError):
        return "the schema of its arguments is none"
    return None
