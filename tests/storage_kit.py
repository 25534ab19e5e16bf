"""Short words for tests of storage: messages said in threads, turns taken and brought to their end."""

from datetime import UTC, datetime, timedelta
from itertools import count

from bot.vocabulary import (
    Attribution,
    BillableRequest,
    Channel,
    Message,
    Person,
    Thread,
    TurnOutcome,
    Usage,
)
from storage import claims, inbox, turns
from storage.database import Database
from storage.errors import DuplicateMessage
from storage.turns import Answered, Work

T0 = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LEASE_S = 15.0
CHANNEL = Channel("slack", "T1", "C1")

_numbers = count(1)


def at(seconds: float) -> datetime:
    """The instant so many seconds after the tests' beginning of time."""
    return T0 + timedelta(seconds=seconds)


def thread(name: str = "1.0", *, channel: Channel = CHANNEL) -> Thread:
    """A thread of the channel."""
    return Thread(channel, name)


def said(
    text: str = "hello",
    *,
    id: str | None = None,  # noqa: A002 - as `Message` calls it
    where: Thread | None = None,
    by: str = "U1",
    addressed: bool = True,
    after_s: float = 0.0,
) -> Message:
    """A message; its id is a new one unless given."""
    return Message(
        thread=where or thread(),
        id=id or f"m{next(_numbers)}",
        author=Person(by, by.title()),
        text=text,
        sent_at=at(after_s),
        addressed=addressed,
    )


async def put(database: Database, message: Message, *, now: datetime = T0) -> bool:
    """Hand in a message as the intake does: false if it is a duplicate or none of our business."""
    try:
        return await database.write(inbox.put, message, now=now)
    except DuplicateMessage:
        return False


def new_turn_id() -> str:
    """An id unlike all others in this process."""
    return f"turn{next(_numbers):012d}"


def known_price(_: str, usage: Usage, __: datetime) -> int:
    """A price in nano-dollars that any test can add up: two a token in, ten a token out."""
    return 2 * usage.prompt_tokens + 10 * usage.output_tokens


async def take(
    database: Database, *, owner: str = "r1", now: datetime = T0, limit: int = 100
) -> list[Work]:
    """Claim threads and begin or resume their turns."""
    return await database.write(
        claims.take,
        owner=owner,
        now=now,
        lease_s=LEASE_S,
        limit=limit,
        new_id=new_turn_id,
        price_of=known_price,
        platforms=[CHANNEL.platform, "terminal"],
    )


async def take_one(database: Database, *, owner: str = "r1", now: datetime = T0) -> Work:
    """Claim the only thread there is to claim."""
    (work,) = await take(database, owner=owner, now=now)
    return work


async def answer(
    database: Database, work: Work, text: str = "an answer", *, now: datetime = T0
) -> bool:
    """Commit an answer and end the turn; true if the thread has more to do."""
    answered = Answered(outcome=TurnOutcome.ANSWERED, answer=text)
    await database.write(turns.commit, work, answered, revision=work.held.revision, now=now)
    return await end(database, work, now=now)


async def end(database: Database, work: Work, *, now: datetime = T0) -> bool:
    """End a turn whose answer is committed; true if the thread has more to do."""
    return await database.write(
        turns.end, work.held.fence, work.turn.id, parked=False, detail=None, now=now
    )


def request(
    *,
    turn_id: str | None = None,
    model: str = "claude-sonnet-5-5",
    channel: str | None = "slack:T1:C1",
    person: str | None = "slack:T1:U1",
    purpose: str = "answer",
    worst_case_nanousd: int | None = 1_000,
    expected_input_tokens: int = 100,
) -> BillableRequest:
    """A request about to be made."""
    who = Attribution(
        purpose=purpose,
        turn_id=turn_id,
        workspace_key="slack:T1",
        channel_key=channel,
        person_key=person,
    )
    return BillableRequest(model, who, worst_case_nanousd, expected_input_tokens)
