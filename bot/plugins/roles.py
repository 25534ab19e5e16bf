"""Who may do what."""

from enum import StrEnum


class Role(StrEnum):
    """What a person is to the bot: everybody is a `member`, an `admin` may do more.

    Admins are those whom the platform knows as such, and those in `[operators] admins`.
    """

    MEMBER = "member"
    ADMIN = "admin"

    def allows(self, needed: "Role") -> bool:
        """Whether somebody of this role may do what `needed` may."""
        return self is Role.ADMIN or needed is Role.MEMBER
