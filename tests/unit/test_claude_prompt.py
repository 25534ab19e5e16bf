"""What a prompt becomes for each model, and the keys it is known by."""

import json
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.claude.cache_key import question_key, request_key
from bot.claude.prompt import Effort, Prompt, Thinking, request_body
from bot.claude.tokens import estimate_prompt_tokens, estimate_tokens
from config.catalogue import Catalogue

CATALOGUE = Catalogue.shipped()
ASKED = Prompt(system="Be kind.", messages=[{"role": "user", "content": "Hi"}])


def body_for(model: str, prompt: Prompt = ASKED) -> dict[str, Any]:
    """The request body for a model of the shipped catalogue."""
    return request_body(prompt, model_id=model, model=CATALOGUE.get(model))


@pytest.mark.parametrize(
    ("model", "effort", "thinking", "sent"),
    [
        ("claude-haiku-5-5", "low", "auto", "disabled"),
        ("claude-haiku-5-5", "max", "auto", None),
        ("claude-haiku-5-5", "low", "adaptive", "adaptive"),
        ("claude-sonnet-5-5", "low", "auto", "between_tools"),
        ("claude-sonnet-5-5", "low", "adaptive", "adaptive"),
        ("claude-sonnet-5-5", "low", "disabled", "between_tools"),
        ("claude-opus-5-5", "low", "auto", None),
        ("claude-opus-5-5", "low", "disabled", None),
        ("claude-haiku-4-5", "low", "auto", None),
        ("claude-of-tomorrow", "low", "adaptive", None),
    ],
)
def test_thinking_goes_only_as_far_as_the_model_demands(
    model: str, effort: Effort, thinking: Thinking, sent: str | None
) -> None:
    """A model is never sent a kind of thinking that it refuses."""
    body = body_for(model, replace(ASKED, effort=effort, thinking=thinking))
    assert body.get("thinking") == ({"type": sent} if sent else None)


@pytest.mark.parametrize(
    ("model", "effort", "sent"),
    [
        ("claude-sonnet-5-5", "low", "low"),
        ("claude-sonnet-5-5", None, None),
        ("claude-haiku-4-5", "low", None),
        ("claude-of-tomorrow", "low", None),
    ],
)
def test_effort_is_sent_to_models_that_take_one(
    model: str, effort: Effort | None, sent: str | None
) -> None:
    """Others would refuse the request."""
    body = body_for(model, replace(ASKED, effort=effort))
    assert body.get("output_config", {}).get("effort") == sent


def test_the_system_text_has_a_cache_breakpoint() -> None:
    """It is what every request of a channel has in common."""
    assert body_for("claude-sonnet-5-5", replace(ASKED, cache_ttl="1h"))["system"] == [
        {
            "type": "text",
            "text": "Be kind.",
            "cache_control": {"type": "ephemeral", "ttl": "1h"},
        }
    ]


def test_no_more_output_is_asked_for_than_the_model_has() -> None:
    """A setting that is too large for one model does not make it fail."""
    asked = replace(ASKED, max_output_tokens=100_000)
    assert body_for("claude-haiku-4-5", asked)["max_tokens"] == 64_000
    assert body_for("claude-of-tomorrow", asked)["max_tokens"] == 100_000


def test_tools_and_schema_are_passed_on() -> None:
    """What is not there is not sent."""
    schema = {"type": "object", "properties": {}}
    tool = {"name": "add", "input_schema": schema}
    body = body_for("claude-sonnet-5-5", replace(ASKED, tools=[tool], output_format=schema))
    assert body["tools"] == [tool]
    assert body["output_config"]["format"] == {"type": "json_schema", "schema": schema}
    bare = body_for("claude-of-tomorrow", Prompt(messages=ASKED.messages))
    assert set(bare) == {"model", "max_tokens", "messages"}


def with_marks(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages with a cache breakpoint on every block."""
    marked = deepcopy(messages)
    for message in marked:
        for block in message["content"]:
            block["cache_control"] = {"type": "ephemeral"}
    return marked


def test_where_the_cache_marks_stand_is_not_part_of_the_question() -> None:
    """The same request with other breakpoints has the same answer."""
    messages = [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]
    plain = body_for("claude-sonnet-5-5", Prompt(messages=messages))
    marked = body_for("claude-sonnet-5-5", Prompt(messages=with_marks(messages)))
    assert request_key(plain) == request_key(marked)


@pytest.mark.parametrize(
    "other",
    [
        replace(ASKED, system="Be rude."),
        replace(ASKED, messages=[{"role": "user", "content": "Ho"}]),
        replace(ASKED, max_output_tokens=7),
        replace(ASKED, effort="high"),
        replace(ASKED, tools=[{"name": "add", "input_schema": {}}]),
        replace(ASKED, output_format={"type": "object"}),
    ],
)
def test_any_other_request_has_another_key(other: Prompt) -> None:
    """Everything that can change the answer is in the key."""
    model = "claude-sonnet-5-5"
    assert request_key(body_for(model)) != request_key(body_for(model, other))
    assert request_key(body_for(model)) != request_key(body_for("claude-opus-5-5"))


def test_a_key_does_not_depend_on_the_order_of_keys() -> None:
    """Equal JSON has equal keys."""
    assert request_key({"a": 1, "b": 2}) == request_key({"b": 2, "a": 1})


def test_the_same_question_is_known_again() -> None:
    """Case, spacing and closing marks don't make another question; the channel and the system do."""
    key = question_key("What is  DNS?", system="s", scope="slack:T:C")
    assert key == question_key(" what is dns ", system="s", scope="slack:T:C")
    assert key != question_key("What is DHCP?", system="s", scope="slack:T:C")
    assert key != question_key("What is DNS?", system="s", scope="slack:T:D")
    assert key != question_key("What is DNS?", system="other", scope="slack:T:C")


@given(st.text(max_size=200))
def test_an_estimate_is_between_a_sixth_and_all_of_the_bytes(text: str) -> None:
    """It can be wrong, but not absurd."""
    size = len(text.encode(errors="replace"))
    assert size / 6 <= estimate_tokens(text) <= max(size, 1)


def test_an_image_is_not_counted_as_text() -> None:
    """Base64 is long, but its length says nothing about tokens."""
    image = {"type": "base64", "media_type": "image/png", "data": "A" * 4_000_000}
    block = {"type": "image", "source": image}
    assert estimate_prompt_tokens("", [{"role": "user", "content": [block]}], []) < 5_000


@pytest.mark.parametrize("value", [Path("/etc/passwd"), b"bytes", {1, 2}, object()])
def test_what_is_not_plain_json_is_refused(value: object) -> None:
    """The SDK would read a path from this machine's disk and send it."""
    source = {"type": "base64", "media_type": "image/png", "data": value}
    messages = [{"role": "user", "content": [{"type": "image", "source": source}]}]
    with pytest.raises(TypeError):
        Prompt(messages=messages).expected_input_tokens()


def test_a_longer_prompt_never_has_fewer_tokens() -> None:
    """System text, messages, tools and schema all count."""
    sizes = [
        replace(ASKED, system="", messages=[]).expected_input_tokens(),
        replace(ASKED, system="").expected_input_tokens(),
        ASKED.expected_input_tokens(),
        replace(ASKED, tools=[{"name": "add"}]).expected_input_tokens(),
        replace(ASKED, tools=[{"name": "add"}], output_format={"a": "b"}).expected_input_tokens(),
    ]
    assert sizes == sorted(set(sizes))


def test_the_body_is_plain_json() -> None:
    """It can be written down as it is."""
    assert json.loads(json.dumps(body_for("claude-sonnet-5-5")))["model"] == "claude-sonnet-5-5"
