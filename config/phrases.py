"""A validator's findings in plain sentences."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from config.problems import Problem, SettingPath, did_you_mean, key_text
from config.shape import known_keys

_EXPECTED = {
    "string_type": "a text in quotes",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "decimal_type": "a number",
    "decimal_parsing": "a number",
    "bool_type": "true or false",
    "tuple_type": 'a list, such as ["a", "b"]',
    "model_type": "a table of keys",
    "dict_type": "a table of keys",
    "date_type": "a day, such as 2026-11-23",
    "date_from_datetime_inexact": "a day, such as 2026-11-23",
    "time_type": 'a time of day, such as "09:00"',
    "time_parsing": 'a time of day, such as "09:00"',
}
_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}
_MAX_SHOWN_CHARS = 60
# The beginnings of Anthropic's, Slack's and bearer tokens: such a value is in the wrong place.
_SECRET = re.compile(r"sk-ant-|xox[a-z]-|xapp-|bearer ", re.IGNORECASE)


def problems_of(
    errors: list[ErrorDetails],
    *,
    model: type[BaseModel],
    where: Callable[[SettingPath], str],
    key: Callable[[SettingPath], str] = key_text,
    silent: Callable[[SettingPath], bool] = lambda _: False,
) -> list[Problem]:
    """One problem for each error of a pydantic validation of `model`.

    `where` tells where a key stands and `key` how to call it; the value of a key that is `silent`
    is never quoted.
    """
    problems = []
    for error in errors:
        path = path_of(error)
        quoted = "" if silent(path) else f", not {shown(error['input'])}"
        what, remedy = _sentence(error, path, model, quoted)
        problems.append(Problem(where=where(path), key=key(path), what=what, remedy=remedy))
    return problems


def path_of(error: ErrorDetails) -> SettingPath:
    """The path that the error is about. pydantic marks an error in a table's key itself."""
    return tuple(step for step in error["loc"] if step != "[key]")


def shown(value: object) -> str:
    """A value as a message may quote it: short, and never something that looks like a secret."""
    if looks_secret(value):
        return "(hidden: it looks like a secret)"
    text = _as_toml(value)
    return text if len(text) <= _MAX_SHOWN_CHARS else text[: _MAX_SHOWN_CHARS - 1] + "…"


def looks_secret(value: object) -> bool:
    """Whether the value holds something that begins like a token or a key."""
    return _SECRET.search(str(value)) is not None


def _sentence(
    error: ErrorDetails, path: SettingPath, model: type[BaseModel], quoted: str
) -> tuple[str, str]:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        remedy = did_you_mean(str(path[-1]), known_keys(model, path[:-1]), otherwise="remove it")
        return "is not a setting", remedy
    if kind == "missing":
        return "is missing", "add it"
    if kind == "value_error":
        # Our own validators say "what; remedy".
        what, _, remedy = str(context["error"]).partition("; ")
        return what, remedy or "correct it"
    expected = _expected(kind, context)
    if kind == "tuple_type" and isinstance(error["input"], Mapping) and len(path) == 1:
        return "is a list of tables", f"write [[{path[0]}]] in place of [{path[0]}]"
    if expected:
        return f"must be {expected}{quoted}", "correct it"
    return error["msg"].lower() + quoted, "correct it"


def _expected(kind: str, context: Mapping[str, Any]) -> str | None:
    if kind == "literal_error":
        return f"one of {context['expected']}".replace("'", '"')
    if kind in _BOUNDS:
        words, key = _BOUNDS[kind]
        bound = context[key]
        return f"{words} {bound:.15g}" if isinstance(bound, float) else f"{words} {bound}"
    if kind == "string_too_short":
        return "a text that is not empty"
    return _EXPECTED.get(kind)


def _as_toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return "a table"
    return "a list" if isinstance(value, list | tuple) else str(value)
