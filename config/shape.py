"""The shape of the settings: which keys there are, and what each may hold."""

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from config.problems import SettingPath


def annotation_at(model: type[BaseModel], path: SettingPath) -> Any:
    """The type that stands at the path below `model`; None where no key is known."""
    annotation: Any = model
    for step in path:
        annotation = _step_into(_without_none(annotation), step)
    return annotation


def known_keys(model: type[BaseModel], path: SettingPath) -> tuple[str, ...]:
    """The keys of the table at the path; none where there is no table, or a free one."""
    annotation = _without_none(annotation_at(model, path))
    return tuple(annotation.model_fields) if _is_model(annotation) else ()


def key_paths(model: type[BaseModel]) -> Iterator[tuple[str, ...]]:
    """Every key of the model that is not itself a table of known keys, such as
    `("claude", "model")`."""
    for name, field in model.model_fields.items():
        if _is_model(field.annotation):
            for path in key_paths(field.annotation):  # type: ignore[arg-type]  # _is_model says so
                yield (name, *path)
        else:
            yield (name,)


def _step_into(annotation: Any, step: str | int) -> Any:
    if _is_model(annotation):
        field = annotation.model_fields.get(step)
        return field.annotation if field else None
    arguments = get_args(annotation)
    origin = get_origin(annotation)
    if origin is tuple and arguments:
        return arguments[0]
    if isinstance(origin, type) and issubclass(origin, Mapping) and len(arguments) == 2:
        return arguments[1]
    return None


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, UnionType):
        others = [part for part in get_args(annotation) if part is not type(None)]
        return others[0] if len(others) == 1 else annotation
    return annotation


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
