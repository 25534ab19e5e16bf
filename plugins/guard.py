"""Keeps secrets such as keys and tokens from going to Claude or into a channel. Off unless switched on."""

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator

from bot.plugins import Block, Context, Plugin

# What each looks like, from its provider's documentation; long enough never to be prose.
SECRETS = {
    "an Anthropic key": r"sk-ant-[A-Za-z0-9_-]{20,}",
    "an OpenAI key": r"sk-(?:proj-)?[A-Za-z0-9_-]{32,}",
    "a Slack token": r"xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}",
    "a GitHub token": r"gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,}",
    "an AWS key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a Google key": r"\bAIza[0-9A-Za-z_-]{35}",
    "a Stripe key": r"\b[rs]k_live_[0-9A-Za-z]{20,}",
    "a Discord token": r"\b[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}",
    "a signed token": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
}

Action = Literal["block", "redact", "off"]


class Settings(BaseModel):
    """What becomes of secrets, in either direction; `patterns` are regular expressions of one's own."""

    model_config = ConfigDict(extra="forbid")

    inbound: Action = "redact"
    outbound: Action = "redact"
    patterns: tuple[str, ...] = ()

    @field_validator("patterns")
    @classmethod
    def _compile(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
        return patterns


plugin = Plugin(
    "guard",
    api=1,
    settings=Settings,
    summary="Keeps secrets from going in or out.",
    on_by_default=False,
)
Ctx = Context[Settings]


@plugin.filter(stage="inbound", on_error="block")
async def nothing_in(ctx: Ctx, text: str) -> Block | str | None:
    """What people say to the bot."""
    return _judged(text, ctx.settings, ctx.settings.inbound)


@plugin.filter(stage="outbound", on_error="block")
async def nothing_out(ctx: Ctx, text: str) -> Block | str | None:
    """What the bot says."""
    return _judged(text, ctx.settings, ctx.settings.outbound)


def _judged(text: str, settings: Settings, action: Action) -> Block | str | None:
    if action == "off":
        return None
    found: list[str] = []
    for what, pattern in (*SECRETS.items(), *(("a secret", each) for each in settings.patterns)):
        text, count = re.subn(pattern, f"[{what} was removed here]", text)
        found += [what] * bool(count)
    if not found:
        return None
    if action == "redact":
        return text
    return Block(
        f"That seems to hold {found[0]}, so I let it go no further. If it is real, please replace it: "
        "it has been in this chat."
    )
