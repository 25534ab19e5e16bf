"""JSON schemas: what is accepted, what conforms, and examples that do."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.claude.errors import ApiError
from sandbox.claude.examples import example_of
from sandbox.claude.schemas import check_schema, count_optional, count_unions, mismatch

_LEAVES = st.sampled_from(
    [
        {"type": "string"},
        {"type": "string", "format": "date-time"},
        {"type": "integer"},
        {"type": "number"},
        {"type": "boolean"},
        {"type": "null"},
        {"enum": ["red", 7]},
        {"const": "fixed"},
        {"type": ["null", "string"]},
        {"$ref": "#/$defs/shared"},
    ]
)


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(properties),
        "additionalProperties": False,
    }


_SCHEMAS = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from("abcd"), inner, max_size=4).map(_object),
        inner.map(lambda items: {"type": "array", "items": items}),
        inner.map(lambda option: {"anyOf": [{"type": "null"}, option]}),
    ),
    max_leaves=12,
)


@given(_SCHEMAS, st.text(max_size=20))
def test_a_made_up_example_conforms_to_any_accepted_schema(schema: Any, about: str) -> None:
    """Whatever the supported subset can say, the example obeys it."""
    root = {**_object({"value": schema}), "$defs": {"shared": {"type": "integer"}}}
    check_schema(root, "schema")
    assert mismatch(example_of(root, about=about), root) is None


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"n": 1}, None),
        ({"n": 1, "s": "x", "l": ["a"]}, None),
        ({}, "input lacks n"),
        ({"n": "1"}, "input.n is not of type integer"),
        ({"n": True}, "input.n is not of type integer"),
        ({"n": 1, "s": "y"}, "input.s is not one of"),
        ({"n": 1, "l": ["a", 2]}, "input.l[1] is not of type string"),
        ({"n": 1, "x": 1}, "input has the unknown property x"),
        ([], "input is not of type object"),
    ],
)
def test_a_value_that_does_not_conform_is_told_why(value: object, reason: str | None) -> None:
    """The reason names the place."""
    schema = {
        **_object({"n": {"type": "integer"}}),
        "properties": {
            "n": {"type": "integer"},
            "s": {"enum": ["x"]},
            "l": {"type": "array", "items": {"type": "string"}},
        },
    }
    found = mismatch(value, schema)
    assert (found is None) if reason is None else (found or "").startswith(reason)


@pytest.mark.parametrize(
    "schema",
    [
        [],
        {"type": "object"},
        {"type": "object", "additionalProperties": True},
        {"type": "integer", "minimum": 1},
        {"type": "string", "maxLength": 3},
        {"type": "array", "items": {"type": "string"}, "minItems": 2},
        {"type": "array", "items": {"type": "object"}},
        {"$ref": "#/$defs/missing"},
        {"$ref": "#"},
    ],
)
def test_a_schema_outside_the_subset_is_refused(schema: object) -> None:
    """With a 400, wherever in the schema it is."""
    with pytest.raises(ApiError) as caught:
        check_schema(schema, "tools.0.input_schema")
    assert caught.value.status == 400


def test_optional_and_union_parameters_are_counted_at_any_depth() -> None:
    """What the limits on strict tools go by."""
    inner = {"type": "object", "properties": {"a": {"type": ["null", "string"]}}}
    schema = {"type": "object", "properties": {"x": inner, "y": {"anyOf": [{}]}}, "required": ["x"]}
    assert count_optional(schema) == 2
    assert count_unions(schema) == 2
