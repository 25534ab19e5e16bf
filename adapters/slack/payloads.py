"""JSON as Slack sends and takes it; a field that has not the form it should have is as good as absent."""

from collections.abc import Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]


def object_in(value: object) -> Json:
    """The object; an empty one if it is none."""
    return value if isinstance(value, Mapping) else {}


def objects_in(value: object) -> Sequence[Json]:
    """The objects of a list; none if it is no list."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
