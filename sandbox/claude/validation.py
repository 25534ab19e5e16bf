"""Which requests the API takes: the parameters, and what each model refuses."""

import re
from collections.abc import Mapping
from typing import Any

from sandbox.claude.errors import invalid
from sandbox.claude.message_rules import check_messages, check_system
from sandbox.claude.models import Model
from sandbox.claude.prompt import Body, Prompt, content_of, seal
from sandbox.claude.prompt_cache import LIFETIMES_S, MAX_BREAKPOINTS
from sandbox.claude.schemas import (
    MAX_OPTIONAL_PARAMETERS,
    MAX_STRICT_TOOLS,
    MAX_UNION_PARAMETERS,
    check_schema,
    count_optional,
    count_unions,
)

MAX_BODY_BYTES = 32 * 1024 * 1024
MIN_THINKING_BUDGET_TOKENS = 1_024
NO_SAMPLING_SINCE = "2026-10-21"
"""From this API version on, sampling parameters are refused for every model."""

_COUNTED = frozenset(
    {
        "cache_control",
        "messages",
        "model",
        "output_config",
        "speed",
        "system",
        "thinking",
        "tool_choice",
        "tools",
    }
)
_KNOWN = _COUNTED | {
    "inference_geo",
    "max_tokens",
    "metadata",
    "service_tier",
    "stop_sequences",
    "stream",
}
_NOT_PLAYED = (
    "compaction",
    "container",
    "context_management",
    "diagnostics",
    "fallbacks",
    "mcp_servers",
    "thread",
)
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_SAMPLING = ("temperature", "top_p", "top_k")


def check_request(body: Body, model: Model, *, version: str, counting: bool = False) -> None:
    """Raise the 400 this request gets, if any; `counting` is for a request to count its tokens."""
    _check_fields(body, model, version, _COUNTED if counting else _KNOWN)
    if not counting:
        _check_max_tokens(body, model)
        _check_stop_sequences(body)
    check_system(body)
    check_messages(body, model)
    _check_tools(body)
    _check_tool_choice(body, model)
    _check_output_config(body, model)
    _check_thinking(body, model)
    _check_cache_control(body)


def check_size(prompt: Prompt, model: Model) -> None:
    """Raise the 400 that a prompt beyond the context window gets."""
    if prompt.tokens > model.context_tokens:
        raise invalid(
            "", f"prompt is too long: {prompt.tokens} tokens > {model.context_tokens} maximum"
        )


def check_thinking_seals(body: Body, prompt: Prompt, model: Model) -> None:
    """Raise the 400 that a thinking block gets when what stood before it, or the model, changed."""
    for number, message in enumerate(body["messages"]):
        for index, block in enumerate(content_of(message)):
            if block["type"] == "thinking" and block["signature"] != _seal_before(
                number, prompt, model
            ):
                raise invalid(
                    f"messages.{number}.content.{index}", "Invalid `signature` in `thinking` block"
                )


def _seal_before(message_index: int, prompt: Prompt, model: Model) -> str:
    before = [block for block in prompt.blocks if block.message_index < message_index]
    return seal(before[-1].content_digest if before else b"", model.id)


def _check_fields(body: Body, model: Model, version: str, known: frozenset[str]) -> None:
    for name in body:
        if name in _NOT_PLAYED:
            raise invalid(name, "this feature is not played by the simulated API")
        if name in _SAMPLING:
            if version >= NO_SAMPLING_SINCE or not model.sampling:
                raise invalid("", f"`{name}` is not supported by this model or API version.")
        elif name not in known:
            raise invalid(name, "Extra inputs are not permitted")
    if body.get("speed") not in (None, "standard"):
        raise invalid("speed", "fast mode is not played by the simulated API")
    if body.get("inference_geo") not in (None, "global"):
        raise invalid("inference_geo", "only 'global' is played by the simulated API")
    if not isinstance(body.get("stream", False), bool):
        raise invalid("stream", "Input should be a valid boolean")


def _check_max_tokens(body: Body, model: Model) -> None:
    most = body.get("max_tokens")
    if most is None:
        raise invalid("max_tokens", "Field required")
    if not isinstance(most, int) or isinstance(most, bool):
        raise invalid("max_tokens", "Input should be a valid integer")
    if most < 0:
        raise invalid("max_tokens", "Input should be greater than or equal to 0")
    if most > model.max_output_tokens:
        raise invalid(
            "max_tokens",
            f"{most} > {model.max_output_tokens}, which is the maximum allowed number of output "
            f"tokens for {model.reported_id}",
        )


def _check_stop_sequences(body: Body) -> None:
    for sequence in body.get("stop_sequences") or ():
        if not isinstance(sequence, str) or not sequence.strip():
            raise invalid("stop_sequences", "each stop sequence must contain non-whitespace")


def _check_tools(body: Body) -> None:
    names: set[str] = set()
    strict = optional = unions = 0
    for index, tool in enumerate(body.get("tools") or ()):
        path = f"tools.{index}"
        name = _checked_name(tool, path)
        if name in names:
            raise invalid("tools", "Tool names must be unique.")
        names.add(name)
        if tool.get("type", "custom") not in (None, "custom"):
            continue  # a tool the provider runs itself
        schema = tool.get("input_schema")
        if not isinstance(schema, Mapping) or schema.get("type") != "object":
            raise invalid(f"{path}.custom.input_schema.type", "Field required")
        if tool.get("strict"):
            check_schema(schema, f"{path}.custom.input_schema")
            strict, optional, unions = (
                strict + 1,
                optional + count_optional(schema),
                unions + count_unions(schema),
            )
    if strict > MAX_STRICT_TOOLS:
        raise invalid("tools", f"at most {MAX_STRICT_TOOLS} strict tools are allowed")
    if optional > MAX_OPTIONAL_PARAMETERS or unions > MAX_UNION_PARAMETERS:
        raise invalid("tools", "Schema is too complex: too many optional or union parameters")


def _checked_name(tool: object, path: str) -> str:
    if not isinstance(tool, Mapping):
        raise invalid(path, "Input should be a valid dictionary")
    name = tool.get("name")
    if not isinstance(name, str) or not _TOOL_NAME.fullmatch(name):
        raise invalid(
            f"{path}.custom.name", f"String should match pattern '^{_TOOL_NAME.pattern}$'"
        )
    return name


def _check_tool_choice(body: Body, model: Model) -> None:
    choice = body.get("tool_choice")
    if choice is None:
        return
    kind = choice.get("type") if isinstance(choice, Mapping) else None
    if kind not in ("auto", "any", "tool", "none"):
        raise invalid("tool_choice", "Input should be one of 'auto', 'any', 'tool', 'none'")
    if kind in ("any", "tool") and not model.forced_tools:
        raise invalid(
            "tool_choice", f"type '{kind}' is not supported on this model; use 'auto' or 'none'"
        )
    if kind != "none" and not body.get("tools"):
        raise invalid("tool_choice", "may only be specified while providing tools")
    if kind == "tool" and choice.get("name") not in [tool["name"] for tool in body["tools"]]:
        raise invalid("tool_choice", f"Tool '{choice.get('name')}' not found in provided tools")
    if kind in ("any", "tool") and _thinks(body):
        raise invalid(
            "tool_choice", "Thinking may not be enabled when tool_choice forces tool use."
        )


def _thinks(body: Body) -> bool:
    return (body.get("thinking") or {}).get("type") in ("enabled", "adaptive")


def _check_output_config(body: Body, model: Model) -> None:
    config = body.get("output_config") or {}
    effort = config.get("effort")
    if effort is not None and effort not in model.efforts:
        if not model.efforts:
            raise invalid("", "This model does not support the effort parameter.")
        levels = ", ".join(f"'{level}'" for level in model.efforts)
        raise invalid("output_config.effort", f"Input should be {levels}")
    chosen = config.get("format")
    if chosen is None:
        return
    if chosen.get("type") != "json_schema":
        raise invalid("output_config.format.type", "Input should be 'json_schema'")
    check_schema(chosen.get("schema"), "output_config.format.schema")


def _check_thinking(body: Body, model: Model) -> None:
    thinking = body.get("thinking")
    if thinking is None:
        return
    kind = thinking.get("type") if isinstance(thinking, Mapping) else None
    if kind not in ("adaptive", "between_tools", "enabled", "disabled"):
        raise invalid("thinking", f"Input tag '{kind}' found using 'type' is not expected")
    if kind not in model.thinking:
        raise invalid("", _thinking_refused(str(kind), model))
    effort = (body.get("output_config") or {}).get("effort") or model.default_effort
    if (
        kind in ("disabled", "between_tools")
        and model.efforts
        and effort not in model.no_thinking_efforts
    ):
        raise invalid(
            "", f'"thinking.type.{kind}" is not supported at effort "{effort}" on this model.'
        )
    if thinking.get("display") not in (None, "summarized", "omitted"):
        raise invalid("thinking.display", "Input should be 'summarized' or 'omitted'")
    if kind == "enabled":
        _check_budget(thinking, body)


def _thinking_refused(kind: str, model: Model) -> str:
    if kind == "disabled" and "between_tools" in model.thinking:
        return 'To turn thinking off on this model, send "thinking": {"type": "between_tools"}.'
    if kind == "adaptive":
        return "adaptive thinking is not supported on this model"
    return (
        f'"thinking.type.{kind}" is not supported for this model. Use "thinking.type.adaptive" and '
        '"output_config.effort" to control thinking behavior.'
    )


def _check_budget(thinking: Mapping[str, Any], body: Body) -> None:
    budget = thinking.get("budget_tokens")
    if not isinstance(budget, int):
        raise invalid("thinking.enabled.budget_tokens", "Field required")
    if budget < MIN_THINKING_BUDGET_TOKENS:
        raise invalid(
            "thinking.enabled.budget_tokens", "Input should be greater than or equal to 1024"
        )
    if budget >= body.get("max_tokens", budget + 1):
        raise invalid("", "`max_tokens` must be greater than `thinking.budget_tokens`.")


def _check_cache_control(body: Body) -> None:
    marks = [mark for mark in _cache_marks(body) if mark is not None]
    for mark in marks:
        if not isinstance(mark, Mapping) or mark.get("type") != "ephemeral":
            raise invalid("cache_control.type", "Input should be 'ephemeral'")
        if (mark.get("ttl") or "5m") not in LIFETIMES_S:
            raise invalid("cache_control.ttl", "Input should be '5m' or '1h'")
    if len(marks) > MAX_BREAKPOINTS:
        raise invalid(
            "",
            f"A maximum of {MAX_BREAKPOINTS} blocks with cache_control may be provided. "
            f"Found {len(marks)}.",
        )
    lifetimes = [mark.get("ttl") or "5m" for mark in marks]
    if "5m" in lifetimes and "1h" in lifetimes[lifetimes.index("5m") :]:
        raise invalid(
            "cache_control.ttl",
            "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. "
            "Note that blocks are processed in the following order: `tools`, `system`, `messages`.",
        )


def _cache_marks(body: Body) -> list[Any]:
    system = body.get("system") or ()
    blocks: list[Body] = [*(body.get("tools") or ()), *([] if isinstance(system, str) else system)]
    for message in body["messages"]:
        blocks.extend(content_of(message))
    return [block.get("cache_control") for block in [*blocks, body]]
