"""JSON schemas for structured output and strict tools: which are accepted, and what conforms.

Rules from the provider's structured-outputs page: every object closes itself with
`additionalProperties: false`; no recursion; no numeric or length bounds.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.claude.errors import invalid

Schema = Mapping[str, Any]

MAX_STRICT_TOOLS = 20
MAX_OPTIONAL_PARAMETERS = 24
MAX_UNION_PARAMETERS = 16
_NOT_SUPPORTED = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
    "patternProperties",
    "not",
    "if",
    "oneOf",
)
_PYTHON_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (Mapping,),
    "array": (list, tuple),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def check_schema(schema: object, path: str) -> None:
    """Raise the 400 that a schema outside the supported subset gets."""
    if not isinstance(schema, Mapping):
        raise invalid(path, "Input should be a valid dictionary")
    _check_recursion(schema, schema, path, ())
    for part in walk_schema(schema):
        _check_part(part, path)


def walk_schema(schema: Schema) -> Iterator[Schema]:
    """The schema and every schema inside it; references are not followed."""
    yield schema
    for child in _children(schema):
        yield from walk_schema(child)


def count_optional(schema: Schema) -> int:
    """How many properties are not required, at any depth."""
    return sum(
        len(set(part.get("properties") or ()) - set(part.get("required") or ()))
        for part in walk_schema(schema)
    )


def count_unions(schema: Schema) -> int:
    """How many parts may be of several types."""
    return sum(
        1 for part in walk_schema(schema) if "anyOf" in part or isinstance(part.get("type"), list)
    )


def resolve(schema: Schema, root: Schema) -> Schema:
    """The schema that a local `$ref` names; the schema itself where there is none."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Any = root
    for name in str(reference).removeprefix("#/").split("/"):
        found = found[name]
    return resolve(found, root)


def mismatch(
    value: object, schema: Schema, root: Schema | None = None, path: str = "input"
) -> str | None:
    """Why a value does not conform, in one sentence; None if it does."""
    root = schema if root is None else root
    schema = resolve(schema, root)
    if "anyOf" in schema:
        reasons = [mismatch(value, option, root, path) for option in schema["anyOf"]]
        return None if None in reasons else f"{path} matches no alternative"
    if "enum" in schema and value not in schema["enum"]:
        return f"{path} is not one of {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        return f"{path} is not {schema['const']!r}"
    if not _is_of_type(value, schema.get("type")):
        return f"{path} is not of type {schema.get('type')}"
    if isinstance(value, Mapping):
        return _object_mismatch(value, schema, root, path)
    if isinstance(value, list):
        items = schema.get("items") or {}
        reasons = [mismatch(item, items, root, f"{path}[{at}]") for at, item in enumerate(value)]
        return next((reason for reason in reasons if reason), None)
    return None


def _object_mismatch(
    value: Mapping[str, Any], schema: Schema, root: Schema, path: str
) -> str | None:
    properties: Mapping[str, Schema] = schema.get("properties") or {}
    missing = [name for name in schema.get("required") or () if name not in value]
    if missing:
        return f"{path} lacks {missing[0]}"
    for name, inner in value.items():
        if name not in properties:
            if schema.get("additionalProperties") is False:
                return f"{path} has the unknown property {name}"
        elif reason := mismatch(inner, properties[name], root, f"{path}.{name}"):
            return reason
    return None


def _is_of_type(value: object, wanted: object) -> bool:
    if wanted is None:
        return True
    names = wanted if isinstance(wanted, list) else [wanted]
    if isinstance(value, bool):
        return "boolean" in names
    return any(isinstance(value, _PYTHON_TYPES.get(str(name), ())) for name in names)


def _check_part(part: Schema, path: str) -> None:
    for name in _NOT_SUPPORTED:
        if name in part:
            raise invalid(
                path, f"For '{part.get('type')}' type, property '{name}' is not supported"
            )
    if part.get("minItems") not in (None, 0, 1):
        raise invalid(
            path, "For 'array' type, 'minItems' values other than 0 or 1 are not supported"
        )
    if part.get("type") == "object" and part.get("additionalProperties") is not False:
        raise invalid(
            path, "For 'object' type, 'additionalProperties' must be explicitly set to false"
        )


def _check_recursion(schema: Schema, root: Schema, path: str, above: tuple[str, ...]) -> None:
    reference = schema.get("$ref")
    if reference is not None:
        if reference in above:
            raise invalid(path, "Recursive schemas are not supported")
        try:
            target = resolve(schema, root)
        except (KeyError, TypeError):
            raise invalid(path, f"Could not resolve the reference {reference}") from None
        _check_recursion(target, root, path, (*above, str(reference)))
    for name, child in _named_children(schema):
        if name not in ("$defs", "definitions"):
            _check_recursion(child, root, path, above)


def _children(schema: Schema) -> Iterator[Schema]:
    for _, child in _named_children(schema):
        yield child


def _named_children(schema: Schema) -> Iterator[tuple[str, Schema]]:
    for name in ("properties", "$defs", "definitions"):
        for child in (schema.get(name) or {}).values():
            if isinstance(child, Mapping):
                yield name, child
    for name in ("anyOf", "allOf"):
        for child in schema.get(name) or ():
            yield name, child
    if isinstance(schema.get("items"), Mapping):
        yield "items", schema["items"]
