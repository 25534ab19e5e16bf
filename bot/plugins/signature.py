"""From a handler's typed signature to its parameters, their JSON schema, and validated arguments."""

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.errors import PydanticSchemaGenerationError
from pydantic.fields import FieldInfo

from bot.plugins.errors import PluginError

MAX_PROBLEMS = 10


class WrongArguments(Exception):
    """The arguments do not fit the parameters; the message says which and why, without their values."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a command or tool, as a platform or a person needs to know it."""

    name: str
    annotation: Any
    required: bool
    description: str
    takes_rest: bool = False
    """It is text and the last one: it takes all that is left of the line."""


class Signature:
    """The parameters of a handler after its context.

    `prepared` are arguments that the handler finds beside those it is given (none by default).
    """

    def __init__(self, handler: Callable[..., Any], *, what: str) -> None:
        self._fields = _fields(handler, what)
        self._model = _model(self._fields, handler, what)
        self.schema = _schema(self._model)
        """The JSON schema of the arguments, as a tool's `input_schema`."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """In their order."""
        last = len(self._fields) - 1
        return tuple(
            Parameter(
                name=name,
                annotation=annotation,
                required=field.is_required(),
                description=field.description or "",
                takes_rest=index == last and plain(annotation) is str,
            )
            for index, (name, (annotation, field)) in enumerate(self._fields.items())
        )

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The handler's keyword arguments. Raises `WrongArguments`."""
        try:
            made = self._model.model_validate(dict(given))
        except ValidationError as error:
            raise WrongArguments(_problems(error)) from None
        return {name: getattr(made, name) for name in self._fields}


def _fields(handler: Callable[..., Any], what: str) -> dict[str, tuple[Any, FieldInfo]]:
    try:
        hints = typing.get_type_hints(handler, include_extras=True)
    except (NameError, TypeError) as error:
        raise PluginError(
            f"{what}: its annotations can't be read ({error}); import what they name"
        ) from error
    parameters = list(inspect.signature(handler).parameters.values())
    if not parameters:
        raise PluginError(f"{what}: its first parameter must take the context")
    fields = {}
    for parameter in parameters[1:]:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise PluginError(f"{what}: *{parameter.name} can't be described; name each parameter")
        if parameter.name not in hints:
            raise PluginError(f"{what}: its parameter {parameter.name} needs a type annotation")
        annotation = hints[parameter.name]
        fields[parameter.name] = (annotation, _field(annotation, parameter))
    return fields


def _field(annotation: Any, parameter: inspect.Parameter) -> FieldInfo:
    if parameter.default is inspect.Parameter.empty:
        return FieldInfo.from_annotation(annotation)
    return FieldInfo.from_annotated_attribute(annotation, parameter.default)


def _model(
    fields: Mapping[str, tuple[Any, FieldInfo]], handler: Callable[..., Any], what: str
) -> type[BaseModel]:
    definitions: dict[str, Any] = {
        name: (annotation, field.default if not field.is_required() else ...)
        for name, (annotation, field) in fields.items()
    }
    try:
        return create_model(handler.__name__, __config__=ConfigDict(extra="forbid"), **definitions)
    except (PydanticSchemaGenerationError, NameError, TypeError) as error:
        raise PluginError(f"{what}: a parameter's type has no schema ({error})") from error


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema()
    schema.pop("title", None)
    for field in schema.get("properties", {}).values():
        field.pop("title", None)
    schema.setdefault("properties", {})
    return schema


def plain(annotation: Any) -> Any:
    """The type without `Annotated` and `| None`."""
    while typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    left = [each for each in typing.get_args(annotation) if each is not type(None)]
    if len(left) == 1 and type(None) in typing.get_args(annotation):
        return plain(left[0])
    return annotation


def _problems(error: ValidationError) -> str:
    details = error.errors(include_url=False, include_input=False, include_context=False)
    lines = [f"{'.'.join(map(str, each['loc'])) or 'all'}: {each['msg']}" for each in details]
    return "; ".join(lines[:MAX_PROBLEMS])


__all__ = ["Field", "Parameter", "Signature", "WrongArguments", "plain"]
