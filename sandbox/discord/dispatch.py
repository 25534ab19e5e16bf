"""What the gateway tells the bot."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """An event, before it is fitted to what a session may see.

    `guild_id` decides the shard; None is a direct message, and goes to the first. An event of a
    channel goes only to those who see it.
    """

    name: str
    data: Mapping[str, Any]
    guild_id: int | None = None
    channel_id: int | None = None
