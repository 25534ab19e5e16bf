"""What goes on just now: turns, the queue, how quick answers were, what failed, the provider."""

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from bot.claude.client import ClaudeClient
from bot.claude.health import ModelHealth
from bot.claude.rate_limits import Level
from bot.vocabulary import reference_of
from bot.web.money import Json
from bot.web.readiness import Readiness
from storage import inbox, overview, turns
from storage.database import Database
from storage.overview import Finished, Underway
from storage.turns import Turn

SHOWN_TURNS: Final = 100
LOOKED_BACK: Final = timedelta(hours=24)
LOOKED_AT: Final = 2_000
"""Speed and outcomes are those of at most so many turns, the newest."""

SHOWN_PARKED: Final = 200


class Live:
    """Reads it; each answer costs a few indexed queries."""

    def __init__(
        self, *, database: Database, claude: ClaudeClient, readiness: Readiness, replica: str
    ) -> None:
        self._database = database
        self._claude = claude
        self._readiness = readiness
        self._replica = replica

    async def now(self) -> Json:
        """Everything, as the page shows it. Raises `StorageError`."""
        now = self._database.now()
        report = await self._readiness.report()
        underway = await self._database.read(overview.underway, limit=SHOWN_TURNS)
        depth = await self._database.read(inbox.depth)
        lately = await self._database.read(
            overview.finished, since=now - LOOKED_BACK, limit=LOOKED_AT
        )
        parked = await self._database.read(turns.parked, limit=SHOWN_PARKED)
        return {
            "at": now.isoformat(),
            "replica": self._replica,
            "ready": report.ready,
            "checks": report.checks,
            "underway": [_underway(each) for each in underway],
            "queue": {
                "waiting": depth.waiting,
                "oldest_s": _seconds(depth.oldest_received_at, now),
            },
            "speed": _speed(lately),
            "outcomes": _outcomes(lately),
            "parked": [_parked(each) for each in parked],
            "failures": _by_kind(parked),
            "claude": self._health(),
        }

    def _health(self) -> Json:
        health = self._claude.health()
        return {
            "waiting": health.waiting,
            "free": health.free,
            "models": [_model(each) for each in health.models],
        }


def _underway(each: Underway) -> Json:
    return {
        "turn": each.turn_id,
        "reference": reference_of(each.turn_id),
        "channel": each.channel_key,
        "person": each.person_key,
        "state": each.status if each.owner else "deferred",
        "opened_at": each.opened_at.isoformat(),
        "due_at": each.due_at.isoformat() if each.due_at else None,
        "replica": each.owner,
        "attempts": each.attempts,
    }


def _parked(turn: Turn) -> Json:
    return {
        "turn": turn.id,
        "reference": reference_of(turn.id),
        "thread": turn.thread_key,
        "opened_at": turn.opened_at.isoformat(),
        "outcome": turn.outcome,
        "why": turn.detail or "unknown",
    }


def _by_kind(parked: Iterable[Turn]) -> list[Json]:
    """Kinds of errors, the most frequent first, each with the references of its turns."""
    references: dict[str, list[str]] = {}
    for turn in parked:
        references.setdefault(turn.detail or "unknown", []).append(reference_of(turn.id))
    ordered = sorted(references.items(), key=lambda item: -len(item[1]))
    return [{"kind": kind, "count": len(of), "references": of[:5]} for kind, of in ordered]


def _outcomes(lately: Sequence[Finished]) -> list[Json]:
    counted = Counter(each.outcome for each in lately if each.outcome)
    return [{"outcome": name, "count": count} for name, count in counted.most_common()]


def _speed(lately: Sequence[Finished]) -> Json:
    return {
        "turns": len(lately),
        "first_text_s": _spread(
            _durations((each.opened_at, each.first_text_at) for each in lately)
        ),
        "final_s": _spread(_durations((each.opened_at, each.delivered_at) for each in lately)),
    }


def _durations(spans: Iterable[tuple[datetime, datetime | None]]) -> list[float]:
    return [max(0.0, (end - start).total_seconds()) for start, end in spans if end is not None]


def _spread(durations: Sequence[float]) -> Json | None:
    """The median and the 95th percentile."""
    if not durations:
        return None
    if len(durations) == 1:
        return {"p50": durations[0], "p95": durations[0]}
    parts = statistics.quantiles(durations, n=20, method="inclusive")
    return {"p50": statistics.median(durations), "p95": parts[18]}


def _seconds(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())


def _model(each: ModelHealth) -> Json:
    return {
        "model": each.model,
        "breaker": each.breaker.value,
        "limits": [_limit(name, level) for name, level in each.limits.items()],
    }


def _limit(name: str, level: Level) -> Json:
    return {
        "bucket": name,
        "limit": level.limit,
        "remaining": level.remaining,
        "reset_in_s": level.reset_in_s,
    }
