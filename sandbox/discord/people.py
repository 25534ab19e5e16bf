"""Users, roles and members."""

from dataclasses import dataclass, field
from datetime import datetime

from sandbox.discord.permissions import Permission


@dataclass(slots=True, kw_only=True)
class User:
    """An account, of a person or a bot. `display_name` is what others see."""

    id: int
    name: str
    display_name: str = ""
    is_bot: bool = False
    takes_dms: bool = True
    """Whether the bot may write to them: 50007 if not."""

    @property
    def mention(self) -> str:
        """How the user is mentioned in a text."""
        return f"<@{self.id}>"


@dataclass(slots=True, kw_only=True)
class Role:
    """A role of a guild; the one with the guild's own id is @everyone."""

    id: int
    name: str
    permissions: Permission
    mentionable: bool = False
    position: int = 0
    of_bot_id: int | None = None
    """The bot that it was made for; every bot has such a role in every guild, of its own name."""

    @property
    def mention(self) -> str:
        """How the role is mentioned in a text."""
        return f"<@&{self.id}>"


@dataclass(slots=True, kw_only=True)
class Member:
    """A user in a guild."""

    user_id: int
    joined_at: datetime
    nick: str | None = None
    role_ids: list[int] = field(default_factory=list)
