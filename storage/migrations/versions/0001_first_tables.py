"""The first tables: inbox, threads, turns, history, ledger, budgets, limits, answers, schedules."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create them."""
    _inbox()
    _thread()
    _turn()
    _message()
    _attachment()
    _ledger()
    _budget()
    _rate_limit()
    _answer()
    _told()
    _schedule_run()
    _choice()
    _plugin_value()


def _inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("id", BIG_ID, primary_key=True),
        sa.Column("message_key", sa.String, nullable=False, unique=True),
        sa.Column("thread_key", sa.String, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        _instant("received_at"),
        sa.Column("turn_id", sa.String),
        _instant("done_at", nullable=True),
    )
    _index("inbox_waiting", "inbox", "thread_key", "id", where="done_at IS NULL")
    _index("inbox_done", "inbox", "done_at")
    _index("inbox_turn", "inbox", "turn_id")


def _thread() -> None:
    op.create_table(
        "thread",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("platform", sa.String, nullable=False),
        sa.Column("channel_key", sa.String, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        _instant("claimable_at", nullable=True),
        sa.Column("owner", sa.String),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("stop_requested", sa.Boolean, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("turn_id", sa.String),
        sa.Column("last_message_id", sa.String, nullable=False),
        _instant("last_message_at"),
        sa.Column("bot_spoke", sa.Boolean, nullable=False),
        sa.Column("speakers", sa.Text, nullable=False),
        sa.Column("window_start", sa.BigInteger, nullable=False),
        sa.Column("summary", sa.Text),
        sa.Column("context_tokens", sa.Integer, nullable=False),
    )
    _index("thread_claimable", "thread", "claimable_at", where="claimable_at IS NOT NULL")
    _index("thread_recent", "thread", "platform", "last_message_at")
    _index("thread_of_channel", "thread", "channel_key", "last_message_at")
    _index("thread_summarised", "thread", "last_message_at", where="summary IS NOT NULL")


def _turn() -> None:
    op.create_table(
        "turn",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("thread_key", sa.String, nullable=False),
        sa.Column("channel_key", sa.String, nullable=False),
        sa.Column("workspace_key", sa.String, nullable=False),
        sa.Column("person_key", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("outcome", sa.String),
        sa.Column("model", sa.String),
        _instant("opened_at"),
        _instant("first_text_at", nullable=True),
        _instant("answered_at", nullable=True),
        _instant("delivered_at", nullable=True),
        sa.Column("answer", sa.Text),
        sa.Column("footer", sa.Text),
        sa.Column("reply_ids", sa.Text, nullable=False),
        sa.Column("deliveries", sa.Integer, nullable=False),
        sa.Column("detail", sa.String),
        sa.Column("files", sa.Text, nullable=False, server_default="[]"),
        sa.Column("file_ids", sa.Text, nullable=False, server_default="[]"),
    )
    _index("turn_opened", "turn", "opened_at")
    _index("turn_thread", "turn", "thread_key", "opened_at")
    _index("turn_status", "turn", "status", where="status <> 'delivered'")
    _index("turn_text", "turn", "opened_at", where="answer IS NOT NULL OR footer IS NOT NULL")


def _message() -> None:
    op.create_table(
        "message",
        sa.Column("id", BIG_ID, primary_key=True),
        sa.Column("thread_key", sa.String, nullable=False),
        sa.Column("turn_id", sa.String),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("content", sa.Text),
        sa.Column("tokens", sa.Integer, nullable=False),
        _instant("created_at"),
    )
    _index("message_thread", "message", "thread_key", "id")
    _index("message_age", "message", "created_at", where="content IS NOT NULL")


def _attachment() -> None:
    op.create_table(
        "attachment",
        sa.Column("sha256", sa.String, primary_key=True),
        sa.Column("media_type", sa.String, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        _instant("last_used_at"),
    )
    _index("attachment_age", "attachment", "last_used_at")


def _ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("id", sa.String, primary_key=True),
        _instant("opened_at"),
        _instant("closed_at", nullable=True),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("purpose", sa.String, nullable=False),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("turn_id", sa.String),
        sa.Column("workspace_key", sa.String),
        sa.Column("channel_key", sa.String),
        sa.Column("person_key", sa.String),
        sa.Column("plugin", sa.String),
        sa.Column("input_tokens", sa.Integer, nullable=False),
        sa.Column("output_tokens", sa.Integer, nullable=False),
        sa.Column("cache_read_tokens", sa.Integer, nullable=False),
        sa.Column("cache_write_5m_tokens", sa.Integer, nullable=False),
        sa.Column("cache_write_1h_tokens", sa.Integer, nullable=False),
        sa.Column("cost_nanousd", sa.BigInteger),
        sa.Column("held_nanousd", sa.BigInteger, nullable=False),
        sa.Column("expected_input_tokens", sa.Integer, nullable=False),
        sa.Column("budgets", sa.Text, nullable=False),
        sa.Column("request_id", sa.String),
    )
    _index("ledger_opened", "ledger", "opened_at")
    _index("ledger_turn", "ledger", "turn_id")
    _index("ledger_open", "ledger", "status", where="status = 'open'")


def _budget() -> None:
    op.create_table(
        "budget",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("spent_nanousd", sa.BigInteger, nullable=False),
        sa.Column("held_nanousd", sa.BigInteger, nullable=False),
        sa.Column("raised_nanousd", sa.BigInteger, nullable=False),
        _instant("ends_at"),
    )


def _rate_limit() -> None:
    op.create_table(
        "rate_channel",
        sa.Column("key", sa.String, primary_key=True),
        _instant("touched_at"),
    )
    op.create_table(
        "rate_slot",
        sa.Column("turn_id", sa.String, primary_key=True),
        sa.Column("channel_key", sa.String, nullable=False),
        _instant("starts_at"),
        sa.Column("started", sa.Boolean, nullable=False),
    )
    _index("rate_slot_time", "rate_slot", "channel_key", "starts_at")


def _answer() -> None:
    op.create_table(
        "answer",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("question_key", sa.String, nullable=False),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("markdown", sa.Text, nullable=False),
        _instant("created_at"),
    )
    _index("answer_question", "answer", "question_key", "created_at")
    _index("answer_age", "answer", "created_at")


def _told() -> None:
    op.create_table("told", sa.Column("key", sa.String, primary_key=True), _instant("until"))
    _index("told_until", "told", "until")


def _schedule_run() -> None:
    op.create_table(
        "schedule_run",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("due_at", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("owner", sa.String, nullable=False),
        _instant("started_at"),
        _instant("finished_at", nullable=True),
        sa.Column("outcome", sa.String),
    )


def _choice() -> None:
    op.create_table(
        "choice",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("person_id", sa.String, primary_key=True),
        sa.Column("admin", sa.Boolean, nullable=False),
        sa.Column("option", sa.String, nullable=False),
        _instant("made_at"),
    )
    _index("choice_age", "choice", "made_at")


def _plugin_value() -> None:
    op.create_table(
        "plugin_value",
        sa.Column("plugin", sa.String, primary_key=True),
        sa.Column("scope", sa.String, primary_key=True),
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        _instant("updated_at"),
    )
    _index("plugin_value_scope", "plugin_value", "scope")


def _instant(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _index(name: str, table: str, *columns: str, where: str | None = None) -> None:
    condition = sa.text(where) if where else None
    op.create_index(name, table, columns, postgresql_where=condition, sqlite_where=condition)
