"""The tables. All instants are UTC; all money is in whole nano-dollars; keys are those of the vocabulary.

The rule that keeps the durable core small: the *thread row is the lock, the inbox row is the truth*.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, Text, text
from sqlmodel import Field, SQLModel


def _partial(name: str, *columns: str, where: str) -> Index:
    return Index(name, *columns, postgresql_where=text(where), sqlite_where=text(where))


_EMPTY_LIST = {"server_default": "[]"}  # for the rows that were there before the column

BigId = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows only in INTEGER keys


class InboxRow(SQLModel, table=True):
    """A message that arrived, exactly once; waiting until `done_at`."""

    __tablename__ = "inbox"
    __table_args__ = (
        _partial("inbox_waiting", "thread_key", "id", where="done_at IS NULL"),
        Index("inbox_done", "done_at"),
        Index("inbox_turn", "turn_id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    message_key: str = Field(unique=True, description="what duplicates are recognised by")
    thread_key: str
    payload: str = Field(sa_type=Text, description="the message as JSON")
    received_at: datetime
    turn_id: str | None = Field(default=None, description="the turn that answers it")
    done_at: datetime | None = None


class ThreadRow(SQLModel, table=True):
    """A conversation, and the lock on it.

    `claimable_at` is when a replica may take the next turn: now, later (deferred, or held by a lease
    that the holder's heartbeat keeps moving), or never (NULL: nothing waits).
    """

    __tablename__ = "thread"
    __table_args__ = (
        _partial("thread_claimable", "claimable_at", where="claimable_at IS NOT NULL"),
        Index("thread_recent", "platform", "last_message_at"),
        Index("thread_of_channel", "channel_key", "last_message_at"),
        _partial("thread_summarised", "last_message_at", where="summary IS NOT NULL"),
    )

    key: str = Field(primary_key=True)
    platform: str
    channel_key: str
    payload: str = Field(sa_type=Text, description="the thread as JSON")
    claimable_at: datetime | None = None
    owner: str | None = Field(default=None, description="the replica that holds it")
    epoch: int = Field(default=0, sa_type=BigInteger, description="the fencing token")
    revision: int = Field(
        default=0, description="grows when a waiting question changes or a stop comes"
    )
    stop_requested: bool = False
    attempts: int = Field(default=0, description="claims of the present turn")
    turn_id: str | None = Field(default=None, description="the turn that is not finished yet")
    last_message_id: str = ""
    last_message_at: datetime
    bot_spoke: bool = False
    speakers: str = Field(
        default="[]", sa_type=Text, description="ids of the people heard here, as JSON"
    )
    window_start: int = Field(
        default=0, sa_type=BigInteger, description="first history row still sent"
    )
    summary: str | None = Field(
        default=None, sa_type=Text, description="what stood before the window"
    )
    context_tokens: int = Field(default=0, description="tokens of the last prompt and its answer")


class TurnRow(SQLModel, table=True):
    """One or more messages answered by one reply."""

    __tablename__ = "turn"
    __table_args__ = (
        Index("turn_opened", "opened_at", "outcome", "first_text_at", "fallback"),
        Index("turn_thread", "thread_key", "opened_at"),
        Index("turn_channel", "channel_key", "opened_at", "outcome"),
        Index("turn_person", "person_key", "opened_at", "outcome"),
        _partial("turn_status", "status", where="status <> 'delivered'"),
        _partial("turn_text", "opened_at", where="answer IS NOT NULL OR footer IS NOT NULL"),
    )

    id: str = Field(primary_key=True)
    thread_key: str
    channel_key: str
    workspace_key: str
    person_key: str
    status: str = "open"
    outcome: str | None = None
    model: str | None = None
    opened_at: datetime
    first_text_at: datetime | None = None
    answered_at: datetime | None = None
    delivered_at: datetime | None = None
    answer: str | None = Field(default=None, sa_type=Text, description="the visible final Markdown")
    footer: str | None = Field(default=None, sa_type=Text)
    reply_ids: str = Field(default="[]", sa_type=Text, description="the platform messages, as JSON")
    deliveries: int = Field(default=0, description="failed attempts to show the final answer")
    detail: str | None = Field(
        default=None, description="the kind of error, for operators; no text of people"
    )
    files: str = Field(
        default="[]",
        sa_type=Text,
        sa_column_kwargs=_EMPTY_LIST,
        description="files sent along, as JSON",
    )
    file_ids: str = Field(
        default="[]",
        sa_type=Text,
        sa_column_kwargs=_EMPTY_LIST,
        description="the platform messages that show them, as JSON",
    )
    card: str | None = Field(
        default=None, sa_type=Text, description="an announcement's layout, as JSON"
    )
    fallback: str | None = Field(
        default=None, description="why another model answered than the one that was to"
    )


class ReplyMessageRow(SQLModel, table=True):
    """A platform message that is part of a reply."""

    __tablename__ = "reply_message"
    __table_args__ = (Index("reply_message_age", "posted_at"),)

    message_key: str = Field(primary_key=True)
    thread_key: str
    posted_at: datetime


class RatingRow(SQLModel, table=True):
    """What a person thought of a turn's answer."""

    __tablename__ = "rating"
    __table_args__ = (Index("rating_age", "made_at"),)

    turn_id: str = Field(primary_key=True)
    person_id: str = Field(primary_key=True)
    good: bool
    made_at: datetime


class MessageRow(SQLModel, table=True):
    """What was said, as it goes to the model: content blocks as JSON, attachments by their hash."""

    __tablename__ = "message"
    __table_args__ = (
        Index("message_thread", "thread_key", "id"),
        _partial("message_age", "created_at", where="content IS NOT NULL"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    thread_key: str
    turn_id: str | None = None
    role: str
    content: str | None = Field(
        default=None, sa_type=Text, description="NULL once retention took it"
    )
    tokens: int = 0
    created_at: datetime


class AttachmentRow(SQLModel, table=True):
    """The bytes of a file that is part of a conversation."""

    __tablename__ = "attachment"
    __table_args__ = (Index("attachment_age", "last_used_at"),)

    sha256: str = Field(primary_key=True)
    media_type: str
    content: bytes = Field(sa_type=LargeBinary)
    last_used_at: datetime


class LedgerRow(SQLModel, table=True):
    """One billable request. An open row holds its worst case against the budgets it counts for."""

    __tablename__ = "ledger"
    __table_args__ = (
        # It holds all that a report adds up, so that no row has to be looked at for it.
        Index(
            "ledger_opened",
            *("opened_at", "status", "model", "direct", "channel_key", "person_key"),
            *("cost_nanousd", "input_tokens", "output_tokens", "cache_read_tokens"),
            *("cache_write_5m_tokens", "cache_write_1h_tokens"),
        ),
        Index("ledger_channel", "channel_key", "opened_at", "cost_nanousd"),
        Index("ledger_person", "person_key", "opened_at"),
        Index("ledger_turn", "turn_id"),
        _partial("ledger_open", "status", where="status = 'open'"),
    )

    id: str = Field(primary_key=True)
    opened_at: datetime
    closed_at: datetime | None = None
    status: str = "open"
    purpose: str
    model: str
    turn_id: str | None = None
    workspace_key: str | None = None
    channel_key: str | None = None
    person_key: str | None = None
    plugin: str | None = None
    direct: bool = Field(
        default=False,
        sa_column_kwargs={"server_default": text("false")},
        description="made in a direct conversation",
    )
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    cost_nanousd: int | None = Field(
        default=None, sa_type=BigInteger, description="NULL: not known"
    )
    held_nanousd: int = Field(
        default=0, sa_type=BigInteger, description="set aside while it is open"
    )
    expected_input_tokens: int = 0
    budgets: str = Field(
        default="[]", sa_type=Text, description="the budget counters it counts for"
    )
    request_id: str | None = None


class BudgetRow(SQLModel, table=True):
    """What has been spent and set aside in one period of one budget."""

    __tablename__ = "budget"
    __table_args__ = (Index("budget_ends", "ends_at"),)

    key: str = Field(primary_key=True, description="scope, subject and the period's first day")
    spent_nanousd: int = Field(default=0, sa_type=BigInteger)
    held_nanousd: int = Field(default=0, sa_type=BigInteger)
    raised_nanousd: int = Field(default=0, sa_type=BigInteger, description="added by an operator")
    ends_at: datetime


class BudgetChangeRow(SQLModel, table=True):
    """What an operator did to a budget, who and when."""

    __tablename__ = "budget_change"
    __table_args__ = (Index("budget_change_time", "changed_at"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    budget_key: str
    action: str = Field(description="`raise` or `reset`")
    amount_nanousd: int = Field(
        sa_type=BigInteger, description="added, or taken off what was spent"
    )
    changed_by: str
    changed_at: datetime


class ReportSeenRow(SQLModel, table=True):
    """Since when a report has been due at its times for a destination."""

    __tablename__ = "report_seen"

    key: str = Field(primary_key=True, description="report, destination and times")
    since: datetime


class ReportRow(SQLModel, table=True):
    """A report of one period for one destination; the row is what makes it go out once."""

    __tablename__ = "report"
    __table_args__ = (
        _partial("report_waiting", "next_attempt_at", where="next_attempt_at IS NOT NULL"),
    )

    name: str = Field(primary_key=True)
    period: str = Field(primary_key=True)
    destination: str = Field(primary_key=True)
    due_at: datetime
    status: str = "due"
    copies: int = Field(default=0, description="how often it was put into the inbox")
    attempts: int = Field(default=0, description="failed ones of the present copy")
    next_attempt_at: datetime | None = Field(
        default=None, description="when to look at it again; NULL: it is over"
    )
    message_key: str | None = Field(default=None, description="the announcement in the inbox")
    asked_by: str | None = Field(default=None, description="who had it sent, if not the schedule")
    sent_at: datetime | None = None
    detail: str | None = Field(default=None, description="what went wrong last")


class RateChannelRow(SQLModel, table=True):
    """The lock under which a channel's slots are counted."""

    __tablename__ = "rate_channel"

    key: str = Field(primary_key=True)
    touched_at: datetime


class RateSlotRow(SQLModel, table=True):
    """A turn's place in its channel's rate limit: reserved for later, or started."""

    __tablename__ = "rate_slot"
    __table_args__ = (Index("rate_slot_time", "channel_key", "starts_at"),)

    turn_id: str = Field(primary_key=True)
    channel_key: str
    starts_at: datetime
    started: bool = False


class AnswerRow(SQLModel, table=True):
    """An answer that may be given again to exactly the same request."""

    __tablename__ = "answer"
    __table_args__ = (
        Index("answer_question", "question_key", "created_at"),
        Index("answer_age", "created_at"),
    )

    key: str = Field(primary_key=True, description="hash of the whole request")
    question_key: str = Field(description="hash of the question alone")
    model: str
    markdown: str = Field(sa_type=Text)
    created_at: datetime


class ToldRow(SQLModel, table=True):
    """Something a person was told and need not hear again before `until`."""

    __tablename__ = "told"
    __table_args__ = (Index("told_until", "until"),)

    key: str = Field(primary_key=True)
    until: datetime


class ChoiceRow(SQLModel, table=True):
    """What a person chose by a button; their first press counts."""

    __tablename__ = "choice"
    __table_args__ = (Index("choice_age", "made_at"),)

    id: str = Field(primary_key=True, description="the turn's id and the question's number")
    person_id: str = Field(primary_key=True)
    admin: bool
    option: str
    made_at: datetime


class PluginValueRow(SQLModel, table=True):
    """A value in a plugin's store."""

    __tablename__ = "plugin_value"
    __table_args__ = (Index("plugin_value_scope", "scope"),)

    plugin: str = Field(primary_key=True)
    scope: str = Field(primary_key=True, description="for what or whom: `user slack:T1:U1`")
    key: str = Field(primary_key=True)
    value: str = Field(sa_type=Text, description="JSON")
    updated_at: datetime


class ScheduleRow(SQLModel, table=True):
    """One due run of a scheduled job; the row's existence is the permission to run it."""

    __tablename__ = "schedule_run"

    name: str = Field(primary_key=True)
    due_at: datetime = Field(primary_key=True)
    owner: str
    started_at: datetime
    finished_at: datetime | None = None
    outcome: str | None = None
