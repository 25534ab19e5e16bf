"""The words every room of the house shares; it imports none of them."""

from bot.vocabulary.accounting import Attribution, BillableRequest, Closing, EntryStatus
from bot.vocabulary.card import Card, Fact, Listing
from bot.vocabulary.clock import Clock, ManualClock, ShiftedClock, SystemClock
from bot.vocabulary.conversation import (
    Attachment,
    Channel,
    ChannelKind,
    ChoiceMade,
    Event,
    Message,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    Person,
    Rated,
    StopRequested,
    StoredFile,
    Thread,
    event_from_json,
    event_to_json,
    message_from_json,
    message_key,
    message_to_json,
    thread_from_json,
    thread_to_json,
)
from bot.vocabulary.finding import Finding, Verdict
from bot.vocabulary.ids import made_at, new_id, reference_of
from bot.vocabulary.text import storable
from bot.vocabulary.usage import Usage

__all__ = [
    "Attachment",
    "Attribution",
    "BillableRequest",
    "Card",
    "Channel",
    "ChannelKind",
    "ChoiceMade",
    "Clock",
    "Closing",
    "EntryStatus",
    "Event",
    "Fact",
    "Finding",
    "Listing",
    "ManualClock",
    "Message",
    "MessageDeleted",
    "MessageEdited",
    "MessageReceived",
    "Person",
    "Rated",
    "ShiftedClock",
    "StopRequested",
    "StoredFile",
    "SystemClock",
    "Thread",
    "Usage",
    "Verdict",
    "event_from_json",
    "event_to_json",
    "made_at",
    "message_from_json",
    "message_key",
    "message_to_json",
    "new_id",
    "reference_of",
    "storable",
    "thread_from_json",
    "thread_to_json",
]
