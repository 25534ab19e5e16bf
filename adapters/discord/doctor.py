"""Looks at the bot's account as Discord has it: token, intents, servers, permissions, sessions."""

from collections.abc import Sequence
from typing import Final

import discord

from adapters.discord.errors import TokenRefused
from adapters.discord.login import PERMISSIONS, Account, account_of
from adapters.discord.rest import Json, Rest
from bot.ports import PlatformError
from bot.vocabulary import Finding, Verdict

TOKEN_REFUSED: Final = "Discord does not accept the bot's token."  # noqa: S105 - no secret
NEW_TOKEN: Final = "Copy it from the developer portal (Bot, Reset Token) into DISCORD_TOKEN."  # noqa: S105
FEW_SESSIONS: Final = 20
MAX_GUILDS: Final = 20


async def examine(rest: Rest) -> Sequence[Finding]:
    """What there is to say. Changes nothing."""
    try:
        account = await account_of(rest)
    except TokenRefused:
        return [_failure("discord token", TOKEN_REFUSED, NEW_TOKEN)]
    except PlatformError as error:
        return [
            _failure(
                "discord", f"it can't be reached: {error}", "Look at the network, or try again."
            )
        ]
    return [
        Finding(
            check="discord token",
            verdict=Verdict.OK,
            said=f"it belongs to {account.me.name} (application {account.me.application_id})",
        ),
        _intents(account),
        *await _guilds(rest, account),
        *await _sessions(rest),
    ]


def _intents(account: Account) -> Finding:
    if account.content_granted:
        return Finding(
            check="discord intents", verdict=Verdict.OK, said="message content is granted"
        )
    return Finding(
        check="discord intents",
        verdict=Verdict.WARNING,
        said="message content is not granted: in servers the bot reads only what mentions it",
        remedy="Turn on Message Content Intent in the developer portal (Bot), so that it can follow a "
        "thread without being mentioned.",
    )


async def _guilds(rest: Rest, account: Account) -> list[Finding]:
    try:
        guilds: list[Json] = await rest.get("/users/@me/guilds")
    except PlatformError as error:
        return [_failure("discord servers", str(error), "Try again.")]
    if not guilds:
        return [
            Finding(
                check="discord servers",
                verdict=Verdict.WARNING,
                said="the bot is in no server",
                remedy=f"Invite it: {account.invitation}",
            )
        ]
    said = f"the bot is in {len(guilds)}; invite it to more: {account.invitation}"
    found = [Finding(check="discord servers", verdict=Verdict.OK, said=said)]
    return [*found, *(_permissions(guild, account) for guild in guilds[:MAX_GUILDS])]


def _permissions(guild: Json, account: Account) -> Finding:
    held = discord.Permissions(int(guild.get("permissions") or 0))
    missing = [
        name.replace("_", " ")
        for name, wanted in PERMISSIONS
        if wanted and not getattr(held, name) and not held.administrator
    ]
    check = f"discord permissions in {guild.get('name')}"
    if not missing:
        return Finding(check=check, verdict=Verdict.OK, said="all that are needed")
    return Finding(
        check=check,
        verdict=Verdict.WARNING,
        said=f"missing: {', '.join(missing)}",
        remedy=f"Give them to the bot's role, or invite it again: {account.invitation}",
    )


async def _sessions(rest: Rest) -> list[Finding]:
    try:
        info: Json = await rest.get("/gateway/bot")
    except PlatformError as error:
        return [_failure("discord gateway", str(error), "Try again.")]
    limit = info.get("session_start_limit") or {}
    left = int(limit.get("remaining", 1000))
    said = f"{info.get('shards', 1)} shard(s), {left} new sessions left today"
    if left >= FEW_SESSIONS:
        return [Finding(check="discord gateway", verdict=Verdict.OK, said=said)]
    return [
        Finding(
            check="discord gateway",
            verdict=Verdict.WARNING,
            said=said,
            remedy="Find out why the bot is started so often.",
        )
    ]


def _failure(check: str, said: str, remedy: str) -> Finding:
    return Finding(check=check, verdict=Verdict.FAILURE, said=said, remedy=remedy)
