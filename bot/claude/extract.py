"""Structured output: a text and a Pydantic model in, a validated instance out.

The SDK's `messages.parse` would raise pydantic's error and lose the message and its usage with it, so
the schema goes through `output_config` and the answer is validated here.
Source: https://platform.claude.com/docs/en/build-with-claude/structured-outputs
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from bot.claude.errors import ClaudeError
from bot.claude.events import Completion
from bot.claude.prompt import Prompt
from bot.vocabulary import Usage

T = TypeVar("T", bound=BaseModel)

INSTRUCTIONS = (
    "Extract what the schema asks for from the text. Add nothing that the text does not say."
)
MAX_REPORTED_PROBLEMS = 20


class ExtractionError(ClaudeError):
    """The text could not be turned into what was asked for.

    `usage` and `cost_nanousd` are those of all requests that were made for it.
    """

    kind = "extraction"
    usage = Usage()
    cost_nanousd: int | None = None


class ExtractionRefused(ExtractionError):
    """The model declined."""

    kind = "extraction_refused"


class ExtractionCutOff(ExtractionError):
    """The answer was longer than `max_output_tokens` or the context allow."""

    kind = "extraction_cut_off"


class ExtractionInvalid(ExtractionError):
    """What the model gave does not fit the schema, even after it was told what is wrong."""

    kind = "extraction_invalid"


class SchemaUnsuitable(ExtractionError):
    """The model class has no JSON schema that structured output can follow."""

    kind = "extraction_schema"


class Extraction(Generic[T]):
    """One extraction, in one request or two."""

    def __init__(self, *, ask: Callable[[Prompt], Awaitable[Completion]], kind: type[T]) -> None:
        self._ask = ask
        self._kind = kind
        self._usage = Usage()
        self._cost_nanousd: int | None = 0

    async def run(self, text: str, *, instructions: str | None) -> T:
        """The validated instance.

        Raises:
            ExtractionError: there is none.
            ClaudeError: there was no answer.
        """
        prompt = Prompt(
            system=instructions or INSTRUCTIONS,
            messages=[{"role": "user", "content": text}],
            output_format=schema_of(self._kind),
        )
        answer = await self._answer(prompt)
        try:
            return self._kind.model_validate_json(answer)
        except ValidationError as error:
            return await self._repaired(prompt, answer, error)

    async def _repaired(self, prompt: Prompt, answer: str, error: ValidationError) -> T:
        problems = _problems(error)
        said = {"role": "assistant", "content": answer or "(nothing)"}
        told = {"role": "user", "content": f"That does not fit:\n{problems}\nGive all of it again."}
        answer = await self._answer(replace(prompt, messages=[*prompt.messages, said, told]))
        try:
            return self._kind.model_validate_json(answer)
        except ValidationError as again:
            raise self._failure(ExtractionInvalid, _problems(again)) from again

    async def _answer(self, prompt: Prompt) -> str:
        completion = await self._ask(prompt)
        self._usage += completion.total_usage
        self._add_cost(completion.total_cost_nanousd)
        if completion.is_refusal:
            raise self._failure(ExtractionRefused, "")
        if completion.is_cut_off:
            raise self._failure(ExtractionCutOff, "")
        return completion.text

    def _add_cost(self, cost_nanousd: int | None) -> None:
        known = self._cost_nanousd is not None and cost_nanousd is not None
        self._cost_nanousd = (self._cost_nanousd or 0) + (cost_nanousd or 0) if known else None

    def _failure(self, kind: type[ExtractionError], message: str) -> ExtractionError:
        error = kind(message)
        error.usage = self._usage
        error.cost_nanousd = self._cost_nanousd
        return error


def schema_of(kind: type[BaseModel]) -> dict[str, Any]:
    """The model's JSON schema as structured output takes it: objects closed, and constraints that it
    does not support told in the description, where they may be followed; they are checked here anyway.

    Raises:
        SchemaUnsuitable: it has a part of no particular type, such as `Any`.
    """
    import anthropic  # here, because the SDK takes long to import

    try:
        return anthropic.transform_schema(kind)
    except (ValueError, TypeError, AssertionError) as error:
        raise SchemaUnsuitable(f"{kind.__name__}: {error}") from error


def _problems(error: ValidationError) -> str:
    """What is wrong where, without the values, which can be somebody's words."""
    details = error.errors(include_url=False, include_input=False, include_context=False)
    lines = [f"{'.'.join(map(str, d['loc'])) or 'all'}: {d['msg']}" for d in details]
    return "\n".join(lines[:MAX_REPORTED_PROBLEMS])
