"""What the real API refuses, the simulated one refuses, with the official error body."""

import base64
import json
import struct
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import anthropic
import pytest
import pytest_asyncio

from sandbox.claude import RateLimits, SimulatedClaude
from tests.contract.claude_clients import question, sdk_client

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 300, 200)).decode()
PDF = base64.b64encode(b"%PDF-1.7 /Type /Pages /Type /Page /Type/Page").decode()
USER = {"role": "user", "content": "Hi"}
ASSISTANT = {"role": "assistant", "content": "Hello."}
CALL = {
    "role": "assistant",
    "content": [{"type": "tool_use", "id": "t1", "name": "x", "input": {}}],
}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "1"}]}
TOOL = {"name": "x", "input_schema": {"type": "object", "properties": {}}}
MARK = {"type": "ephemeral"}
OPEN_SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}
CLOSED = {"type": "object", "additionalProperties": False}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared_claude() -> AsyncIterator[SimulatedClaude]:
    """One simulated Claude for the many small requests that change nothing."""
    async with SimulatedClaude() as claude:
        yield claude


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared_client(shared_claude: SimulatedClaude) -> AsyncIterator[anthropic.AsyncAnthropic]:
    """The SDK for these; making one takes longer than the request."""
    async with sdk_client(shared_claude) as client:
        yield client


@pytest.fixture
async def client(simulated_claude: SimulatedClaude) -> AsyncIterator[anthropic.AsyncAnthropic]:
    """The SDK."""
    async with sdk_client(simulated_claude) as client:
        yield client


def _said(*content: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(content)}]}


def _text(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": text, **more}


def _image(data: str = PNG, media_type: str = "image/png") -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


def _pdf(data: str = PDF) -> dict[str, Any]:
    return {
        "type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": data},
    }


def _format(schema: dict[str, Any]) -> dict[str, Any]:
    return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}


REFUSED: dict[str, tuple[dict[str, Any] | None, str]] = {
    "no messages": ({"messages": []}, "at least one message is required"),
    "empty content": (
        {"messages": [{"role": "user", "content": ""}]},
        "must have non-empty content",
    ),
    "empty text": (_said(_text("")), "text content blocks must be non-empty"),
    "blank text": (_said(_text(" \n")), "must contain non-whitespace text"),
    "empty text with a mark": (
        _said(_text("", cache_control=MARK)),
        "cache_control cannot be set for empty text blocks",
    ),
    "unknown role": ({"messages": [{"role": "robot", "content": "x"}]}, 'Unexpected role "robot"'),
    "assistant first": ({"messages": [ASSISTANT, USER]}, 'first message must use the "user" role'),
    "unknown block": (_said({"type": "video"}), "Input tag 'video' found"),
    "unknown field": ({"extra_body": {"colour": "red"}}, "colour: Extra inputs are not permitted"),
    "prefill": ({"messages": [USER, ASSISTANT]}, "does not support assistant message prefill"),
    "temperature": ({"extra_body": {"temperature": 1.0}}, "temperature"),
    "top_p": ({"extra_body": {"top_p": 0.9}}, "top_p"),
    "top_k": ({"extra_body": {"top_k": 5}}, "top_k"),
    "too many tokens": (
        {"max_tokens": 128_001, "stream": True},
        "128001 > 128000, which is the maximum",
    ),
    "negative tokens": ({"max_tokens": -1}, "max_tokens"),
    "thinking off": ({"thinking": {"type": "disabled"}}, "between_tools"),
    "thinking budget": (
        {"thinking": {"type": "enabled", "budget_tokens": 1_024}, "max_tokens": 2_000},
        '"thinking.type.enabled" is not supported for this model',
    ),
    "thinking off on Opus 5.5": (
        {"model": "claude-opus-5-5", "thinking": {"type": "disabled"}},
        '"thinking.type.disabled" is not supported for this model',
    ),
    "thinking off at high effort on Haiku": (
        {
            "model": "claude-haiku-5-5",
            "thinking": {"type": "disabled"},
            "output_config": {"effort": "max"},
        },
        "max",
    ),
    "between tools at xhigh": (
        {"thinking": {"type": "between_tools"}, "output_config": {"effort": "xhigh"}},
        "xhigh",
    ),
    "adaptive thinking on an old model": (
        {"model": "claude-haiku-4-5", "thinking": {"type": "adaptive"}},
        "adaptive thinking is not supported",
    ),
    "effort on an old model": (
        {"model": "claude-haiku-4-5", "output_config": {"effort": "low"}},
        "does not support the effort parameter",
    ),
    "small budget": (
        {"model": "claude-haiku-4-5", "thinking": {"type": "enabled", "budget_tokens": 100}},
        "greater than or equal to 1024",
    ),
    "budget above max_tokens": (
        {"model": "claude-haiku-4-5", "thinking": {"type": "enabled", "budget_tokens": 5_000}},
        "must be greater than `thinking.budget_tokens`",
    ),
    "forced tool": ({"tools": [TOOL], "tool_choice": {"type": "any"}}, "tool_choice"),
    "forced tool on Fable": (
        {
            "model": "claude-fable-5-2",
            "tools": [TOOL],
            "tool_choice": {"type": "tool", "name": "x"},
        },
        "tool_choice",
    ),
    "choice without tools": ({"tool_choice": {"type": "auto"}}, "while providing tools"),
    "bad tool name": ({"tools": [{**TOOL, "name": "a b"}]}, "String should match pattern"),
    "two tools of a name": ({"tools": [TOOL, TOOL]}, "Tool names must be unique"),
    "open strict tool": ({"tools": [{**TOOL, "strict": True}]}, "additionalProperties"),
    "call without result": ({"messages": [USER, CALL, USER]}, "without `tool_result` blocks"),
    "result without call": ({"messages": [USER, ASSISTANT, RESULT]}, "unexpected `tool_use_id`"),
    "open schema": (_format(OPEN_SCHEMA), "additionalProperties"),
    "bounded schema": (
        _format({**CLOSED, "properties": {"n": {"type": "integer", "minimum": 1}}}),
        "'minimum' is not supported",
    ),
    "recursive schema": (
        _format(
            {
                **CLOSED,
                "properties": {"next": {"$ref": "#/$defs/node"}},
                "$defs": {"node": {**CLOSED, "properties": {"next": {"$ref": "#/$defs/node"}}}},
            }
        ),
        "Recursive",
    ),
    "five cache marks": (
        _said(*[_text("x", cache_control=MARK) for _ in range(5)]),
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    "four marks and the automatic one": (
        {**_said(*[_text("x", cache_control=MARK) for _ in range(4)]), "cache_control": MARK},
        "Found 5.",
    ),
    "an hour after five minutes": (
        _said(_text("x", cache_control=MARK), _text("y", cache_control={**MARK, "ttl": "1h"})),
        "must not come after a ttl='5m'",
    ),
    "unknown lifetime": (
        _said(_text("x", cache_control={**MARK, "ttl": "2h"})),
        "cache_control.ttl",
    ),
    "not an image": (_said(_image("AAAA")), "Could not process image"),
    "image of another type": (
        _said(_image(media_type="image/jpeg")),
        "appears to be a image/png image",
    ),
    "image type unknown": (_said(_image(media_type="image/tiff")), "media_type"),
    "not base64": (_said(_image("***")), "invalid base64 data"),
    "not a PDF": (_said(_pdf("AAAA")), "The PDF specified was not valid"),
    "image by plain http": (
        _said({"type": "image", "source": {"type": "url", "url": "http://example.com/a.png"}}),
        "Only HTTPS URLs",
    ),
    "half a surrogate pair": (None, "no low surrogate"),
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", REFUSED, ids=list(REFUSED))
async def test_a_request_the_real_api_refuses_gets_400(
    case: str, shared_claude: SimulatedClaude, shared_client: anthropic.AsyncAnthropic
) -> None:
    """Each refusal is a 400 of the official shape, says the reason, and is not billed."""
    changes, reason = REFUSED[case]
    billed_before = shared_claude.bill()
    if changes is None:
        body = json.dumps(question("\ud800")).encode()  # written out as an escape, which parses
        message = await _post(shared_claude, body)
    else:
        with pytest.raises(anthropic.BadRequestError) as caught:
            await shared_client.messages.create(**question(**changes))
        error = caught.value
        assert isinstance(error.body, dict)
        assert error.body["request_id"] == error.request_id
        assert error.type == "invalid_request_error"
        message = str(error)
    assert reason in message
    assert shared_claude.bill() == billed_before


async def _post(claude: SimulatedClaude, body: bytes) -> str:
    headers = {"x-api-key": "k", "anthropic-version": "2026-10-21"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{claude.base_url}/v1/messages", data=body, headers=headers) as response,
    ):
        assert response.status == 400
        return await response.text()


ACCEPTED: dict[str, dict[str, Any]] = {
    "an image and a PDF": _said(_text("See:"), _image(), _pdf()),
    "a text document": _said(
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Hi."}}
    ),
    "consecutive user messages": {"messages": [USER, USER]},
    "a system message in between": {
        "messages": [USER, ASSISTANT, {**USER, "role": "system"}, USER]
    },
    "a closed strict tool": {
        "tools": [{"name": "x", "strict": True, "input_schema": {**CLOSED, "properties": {}}}]
    },
    "thinking off on Haiku 5.5": {"model": "claude-haiku-5-5", "thinking": {"type": "disabled"}},
    "a budget on Haiku 4.5": {
        "model": "claude-haiku-4-5",
        "thinking": {"type": "enabled", "budget_tokens": 1_024},
        "max_tokens": 2_000,
    },
    "prefill on Haiku 4.5": {"model": "claude-haiku-4-5", "messages": [USER, ASSISTANT]},
    "the dated id": {"model": "claude-haiku-4-5-20251001"},
    "a tool's result": {"tools": [TOOL], "messages": [USER, CALL, RESULT]},
    "nothing to write": {"max_tokens": 0},
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", ACCEPTED, ids=list(ACCEPTED))
async def test_a_request_the_real_api_takes_is_answered(
    case: str, shared_client: anthropic.AsyncAnthropic
) -> None:
    """The checks let through what is allowed."""
    message = await shared_client.messages.create(**question(**ACCEPTED[case]))
    assert message.stop_reason in ("end_turn", "max_tokens")


@pytest.mark.parametrize("key", ["sk-ant-invalid", "invalid"])
async def test_a_wrong_key_gets_401(simulated_claude: SimulatedClaude, key: str) -> None:
    """A key that says it is invalid is refused everywhere."""
    async with sdk_client(simulated_claude, api_key=key) as client:
        with pytest.raises(anthropic.AuthenticationError) as caught:
            await client.messages.create(**question())
        assert caught.value.type == "authentication_error"
        with pytest.raises(anthropic.AuthenticationError):
            await client.models.retrieve("claude-haiku-5-5")


async def test_without_a_key_or_version_nothing_is_answered(
    simulated_claude: SimulatedClaude,
) -> None:
    """The headers the real API insists on are insisted on; both ways to give a key work."""
    address = f"{simulated_claude.base_url}/v1/messages"
    body = question()
    async with aiohttp.ClientSession() as session:

        async def status(**headers: str) -> int:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            async with session.post(address, json=body, headers=named) as response:
                return response.status

        version = "2026-10-21"
        assert await status(anthropic_version=version) == 401
        assert await status(x_api_key="k") == 400
        assert await status(x_api_key="k", anthropic_version=version) == 200
        assert await status(authorization="Bearer k", anthropic_version=version) == 200


async def test_an_unknown_model_or_address_gets_404(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    """Both are answered in the official shape."""
    with pytest.raises(anthropic.NotFoundError, match="model: claude-9"):
        await client.messages.create(**question(model="claude-9"))
    with pytest.raises(anthropic.NotFoundError):
        await client.get("/v1/nothing", cast_to=object)


async def test_a_prompt_beyond_the_window_gets_400(client: anthropic.AsyncAnthropic) -> None:
    """The error says how long it is and how long it may be."""
    with pytest.raises(
        anthropic.BadRequestError, match=r"prompt is too long: \d+ tokens > 200000 maximum"
    ):
        await client.messages.create(**question("word " * 201_000, model="claude-haiku-4-5"))


async def test_a_body_beyond_32_mb_gets_413(simulated_claude: SimulatedClaude) -> None:
    """The limit is on bytes, before anything is looked at."""
    async with sdk_client(simulated_claude, transport="httpx") as client:
        with pytest.raises(anthropic.APIStatusError, match="request_too_large") as caught:
            await client.messages.create(**question("x" * (32 * 1024 * 1024)))
    assert caught.value.status_code == 413


async def test_a_thinking_block_is_bound_to_what_stood_before_it(
    client: anthropic.AsyncAnthropic,
) -> None:
    """Replayed as it was it is taken; after a change of the question, or changed itself, it is not."""
    first = await client.messages.create(**question("Why?"))
    history = [
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": "Go on."},
    ]
    kept = [{"role": "user", "content": "Why?"}, *history]
    assert (await client.messages.create(**question(messages=kept))).stop_reason == "end_turn"
    changed = [{"role": "user", "content": "Why not?"}, *history]
    with pytest.raises(anthropic.BadRequestError, match="Invalid `signature`"):
        await client.messages.create(**question(messages=changed))
    with pytest.raises(anthropic.BadRequestError, match="Invalid `signature`"):
        await client.messages.create(**question(messages=kept, model="claude-opus-5-5"))


async def test_rate_limits_are_enforced_on_request(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    """The request over the limit gets 429 and is told when to come back."""
    simulated_claude.limits = RateLimits(requests_per_min=2, enforced=True)
    for _ in range(2):
        await client.messages.create(**question())
    with pytest.raises(anthropic.RateLimitError) as caught:
        await client.messages.create(**question())
    assert 1 <= int(caught.value.response.headers["retry-after"]) <= 30
    assert caught.value.response.headers["anthropic-ratelimit-requests-remaining"] == "0"


async def test_one_request_too_many_at_once_gets_529(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    """The cap on concurrent requests answers as an overloaded service does, and frees its places."""
    simulated_claude.limits = RateLimits(max_concurrent=1)
    simulated_claude.hold(after_chunks=0)
    async with client.messages.stream(**question()) as running:
        await simulated_claude.wait_for_held()
        with pytest.raises(anthropic.APIStatusError) as caught:
            await client.messages.create(**question())
        assert caught.value.status_code == 529
        simulated_claude.release()
        await running.get_final_message()
    await simulated_claude.wait_for_bill()
    assert (await client.messages.create(**question())).stop_reason == "end_turn"
