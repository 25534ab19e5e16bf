"""Who the bot is, and what it was granted."""

from dataclasses import dataclass
from typing import Final

import discord

from adapters.discord.addressing import Me
from adapters.discord.rest import Json, Rest

PERMISSIONS: Final = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    create_public_threads=True,
    read_message_history=True,
    attach_files=True,
    embed_links=True,
)
"""What the bot does, and so has to be allowed."""


@dataclass(frozen=True, slots=True)
class Account:
    """The bot's account and application."""

    me: Me
    flags: discord.ApplicationFlags

    @property
    def content_granted(self) -> bool:
        """It may read messages that do not mention it. Apps in few servers have it "limited"."""
        return self.flags.gateway_message_content or self.flags.gateway_message_content_limited

    @property
    def invitation(self) -> str:
        """The link by which somebody lets the bot into a server."""
        return discord.utils.oauth_url(
            int(self.me.application_id),
            permissions=PERMISSIONS,
            scopes=("bot", "applications.commands"),
        )


async def account_of(rest: Rest) -> Account:
    """Ask Discord. Raises `PlatformError`."""
    user: Json = await rest.get("/users/@me")
    application: Json = await rest.get("/oauth2/applications/@me")
    me = Me(
        id=str(user["id"]),
        name=str(user.get("global_name") or user.get("username") or "the bot"),
        application_id=str(application["id"]),
    )
    flags = discord.ApplicationFlags()
    flags.value = int(application.get("flags") or 0)
    return Account(me, flags)
