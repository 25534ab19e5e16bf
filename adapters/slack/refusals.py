"""What a workspace has refused: features that it does not have, so that they are not tried every time."""

from datetime import datetime, timedelta
from typing import Final

import structlog

from bot.ports import AdapterStore, IntakeUnavailable
from bot.vocabulary import Clock

log = structlog.get_logger(__name__)

_OF_ONE_CALL: Final = frozenset(
    {
        "invalid_recipient",
        "invalid_thread_ts",
        "missing_recipient_team_id",
        "missing_recipient_user_id",
        "msg_too_long",
        "no_text",
        "thread_not_found",
    }
)

FOR: Final = timedelta(hours=24)
"""A feature may come: it is tried again after this long."""


class Refusals:
    """Remembers them for all replicas, in the store, and here for speed."""

    def __init__(self, *, store: AdapterStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._until: dict[tuple[str, str], datetime | None] = {}

    async def known(self, workspace: str, feature: str) -> bool:
        """Whether the workspace has refused this feature of late."""
        key = (workspace, feature)
        if key not in self._until:
            try:
                kept = await self._store.get(_key(*key))
            except IntakeUnavailable:
                return False
            self._until[key] = datetime.fromisoformat(kept["until"]) if kept else None
        until = self._until[key]
        return until is not None and until > self._clock.now()

    async def note(self, workspace: str, feature: str, code: str) -> None:
        """It was refused, with this error string; unless that blames only the one call."""
        if code in _OF_ONE_CALL:
            return
        until = self._clock.now() + FOR
        self._until[workspace, feature] = until
        log.info(
            "Slack refuses a feature; it is done without",
            team=workspace,
            feature=feature,
            code=code,
        )
        try:
            value = {"until": until.isoformat(), "code": code}
            await self._store.set(_key(workspace, feature), value)
        except IntakeUnavailable:
            return  # it is refused once more after the next start


def _key(workspace: str, feature: str) -> str:
    return f"refused {workspace} {feature}"
