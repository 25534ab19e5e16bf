"""What is asked of Claude, and the request body it becomes for a given model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bot.claude.tokens import estimate_prompt_tokens, most_prompt_tokens
from config.model import Model

Json = dict[str, Any]
Effort = Literal["low", "medium", "high", "xhigh", "max"]
Thinking = Literal["auto", "adaptive", "between_tools", "disabled"]
CacheTtl = Literal["5m", "1h"]

_EFFORTS: Sequence[Effort] = ("low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A request to Claude, independent of the model that will answer it.

    `messages` and `tools` are the API's own JSON. Cache breakpoints inside the messages are their
    author's affair; the system text gets one of its own. `output_format` is the JSON schema that the
    answer has to follow. Thinking counts toward `max_output_tokens`.
    """

    messages: Sequence[Json]
    system: str = ""
    tools: Sequence[Json] = ()
    output_format: Json | None = None
    max_output_tokens: int = 4096
    effort: Effort | None = "low"
    """None: whatever the model does by itself."""
    thinking: Thinking = "auto"
    """`auto`: only as far as the model demands it. A kind that the model does not take is as `auto`."""
    cache_ttl: CacheTtl = "5m"
    unseen_tokens: int = 0
    """Those that an estimate can't see and the provider has counted, such as those of a PDF's pages."""

    def expected_input_tokens(self) -> int:
        """About how many tokens it has. Raises `TypeError` if it is not plain JSON."""
        schema = [self.output_format] if self.output_format else []
        estimated = estimate_prompt_tokens(self.system, self.messages, [*self.tools, *schema])
        return estimated + self.unseen_tokens

    def most_input_tokens(self) -> int:
        """A number that it hardly ever exceeds: what is set aside for it. Raises `TypeError` as
        `expected_input_tokens` does."""
        schema = [self.output_format] if self.output_format else []
        most = most_prompt_tokens(self.system, self.messages, [*self.tools, *schema])
        return max(most + self.unseen_tokens, self.expected_input_tokens())


def request_body(prompt: Prompt, *, model_id: str, model: Model | None) -> Json:
    """The body of the request, without `stream`. A model that is not in the catalogue (None) is sent
    nothing that it might refuse.

    The order of the keys never changes, so equal prompts give equal bodies.
    """
    body: Json = {
        "model": model_id,
        "max_tokens": _max_tokens(prompt, model),
        "messages": list(prompt.messages),
    }
    if prompt.system:
        body["system"] = [system_block(prompt)]
    if prompt.tools:
        body["tools"] = list(prompt.tools)
    thinking = _thinking(prompt, model)
    if thinking is not None:
        body["thinking"] = {"type": thinking}
    output_config = _output_config(prompt, model)
    if output_config:
        body["output_config"] = output_config
    return body


def counting_body(body: Json) -> Json:
    """The part of a request body that `count_tokens` takes."""
    return {key: value for key, value in body.items() if key != "max_tokens"}


def system_block(prompt: Prompt) -> Json:
    """The system text with its cache breakpoint; tools stand before it and are cached with it."""
    return {
        "type": "text",
        "text": prompt.system,
        "cache_control": {"type": "ephemeral", "ttl": prompt.cache_ttl},
    }


def _max_tokens(prompt: Prompt, model: Model | None) -> int:
    if model is None:
        return prompt.max_output_tokens
    return min(prompt.max_output_tokens, model.max_output_tokens)


def _effort(prompt: Prompt, model: Model | None) -> Effort | None:
    """The effort that will apply; None where the model takes none or is not known."""
    if model is None or model.default_effort is None:
        return None
    return prompt.effort or model.default_effort


def _thinking(prompt: Prompt, model: Model | None) -> str | None:
    """The value of `thinking.type`; None: send none, and the model does as it always does."""
    if model is None:
        return None
    types = _accepted_types(prompt, model)
    if prompt.thinking in types:
        return prompt.thinking
    if "enabled" in types:
        return None  # such a model thinks only when told to
    return next((kind for kind in ("disabled", "between_tools") if kind in types), None)


def _accepted_types(prompt: Prompt, model: Model) -> list[str]:
    may_disable = _may_disable(prompt, model)
    return [kind for kind in model.thinking_types if kind != "disabled" or may_disable]


def _may_disable(prompt: Prompt, model: Model) -> bool:
    highest, effort = model.disabled_thinking_max_effort, _effort(prompt, model)
    if highest is None or effort is None:
        return True
    return _EFFORTS.index(effort) <= _EFFORTS.index(highest)


def _output_config(prompt: Prompt, model: Model | None) -> Json:
    config: Json = {}
    if prompt.effort is not None and _effort(prompt, model) is not None:
        config["effort"] = prompt.effort
    if prompt.output_format is not None:
        config["format"] = {"type": "json_schema", "schema": prompt.output_format}
    return config
