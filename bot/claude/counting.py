"""How many tokens a prompt has, as the provider counts them: costs nothing, but takes a moment."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any, Final

from bot.claude.prompt import Prompt, counting_body, request_body
from bot.claude.workshop import Workshop

COUNT_S: Final = 5.0
"""How long the provider may take; the local estimate is good enough not to wait longer."""


@dataclass(frozen=True, slots=True)
class TokenCount:
    """How many input tokens a prompt has; `exact` if the provider counted them."""

    tokens: int
    exact: bool


async def count_tokens(
    shop: Workshop, prompt: Prompt, *, model: str, timeout_s: float = COUNT_S
) -> TokenCount:
    """How many input tokens `prompt` has for `model`. Never raises for the provider's sake: after
    `timeout_s`, or when it can't tell, the local estimate is returned."""
    body: dict[str, Any] = counting_body(
        request_body(prompt, model_id=model, model=shop.catalogue.get(model))
    )
    try:
        async with asyncio.timeout(timeout_s):
            await shop.connection.warm()
            counted = await shop.connection.sdk.messages.count_tokens(**body)
    except Exception:  # whatever keeps it from counting, the estimate will do
        return TokenCount(prompt.expected_input_tokens(), exact=False)
    return TokenCount(counted.input_tokens, exact=True)


async def with_documents_counted(
    shop: Workshop, prompt: Prompt, *, model: str, timeout_s: float
) -> Prompt:
    """`prompt` with the tokens of its documents, whose pages nobody here can see: what a request may
    cost at most is set aside before it is sent."""
    if not any(_is_document(block) for message in prompt.messages for block in _blocks(message)):
        return prompt
    try:
        estimated = prompt.expected_input_tokens()
    except TypeError:  # it can't be sent; whoever tries to says so
        return prompt
    counted = await count_tokens(shop, prompt, model=model, timeout_s=min(timeout_s, COUNT_S))
    return replace(prompt, unseen_tokens=prompt.unseen_tokens + max(0, counted.tokens - estimated))


def _blocks(message: Any) -> list[Any]:
    content = message.get("content") if isinstance(message, dict) else None
    return content if isinstance(content, list) else []


def _is_document(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") == "document"
