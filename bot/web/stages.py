"""The way of one message through the house, with times, tokens and cost."""

from datetime import datetime

from bot.vocabulary import reference_of
from bot.web.money import Json, usd
from storage import overview
from storage.database import Database
from storage.overview import RequestMade, Way


async def stages(database: Database, message_key: str, *, with_text: bool) -> Json | None:
    """How far the message has come; None if it never arrived. Raises `StorageError`."""
    way = await database.read(overview.way_of, message_key)
    return None if way is None else _as_json(way, with_text=with_text)


def _as_json(way: Way, *, with_text: bool) -> Json:
    return {
        "key": way.message.key,
        "thread": way.message.thread.key,
        "text": way.message.text if with_text else None,
        "turn": way.turn_id,
        "reference": None if way.turn_id is None else reference_of(way.turn_id),
        "status": way.status,
        "outcome": way.outcome,
        "model": way.model,
        "replica": way.owner,
        "attempts": way.attempts,
        "stages": {
            "said": _iso(way.message.sent_at),
            "received": _iso(way.received_at),
            "claimed": _iso(way.claimed_at),
            "first_text": _iso(way.first_text_at),
            "committed": _iso(way.answered_at),
            "delivered": _iso(way.delivered_at),
        },
        "requests": [_request(each) for each in way.requests],
    }


def _request(each: RequestMade) -> Json:
    return {
        "model": each.model,
        "purpose": each.purpose,
        "status": each.status,
        "opened_at": _iso(each.opened_at),
        "closed_at": _iso(each.closed_at),
        "input_tokens": each.input_tokens,
        "output_tokens": each.output_tokens,
        "cache_read_tokens": each.cache_read_tokens,
        "cache_write_tokens": each.cache_write_tokens,
        "cost_usd": usd(each.cost_nanousd),
    }


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()
