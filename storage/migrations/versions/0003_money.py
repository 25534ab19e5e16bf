"""What reports and budgets need: indexes that hold all sums, changes of budgets, reports sent."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add them."""
    _ledger()
    _turn()
    op.create_index("budget_ends", "budget", ["ends_at"])
    _budget_change()
    _report()


def _ledger() -> None:
    op.add_column(
        "ledger", sa.Column("direct", sa.Boolean, nullable=False, server_default=sa.text("false"))
    )
    op.drop_index("ledger_opened", "ledger")
    op.create_index(
        "ledger_opened",
        "ledger",
        [
            *("opened_at", "status", "model", "direct", "channel_key", "person_key"),
            *("cost_nanousd", "input_tokens", "output_tokens", "cache_read_tokens"),
            *("cache_write_5m_tokens", "cache_write_1h_tokens"),
        ],
    )
    op.create_index("ledger_channel", "ledger", ["channel_key", "opened_at", "cost_nanousd"])
    op.create_index("ledger_person", "ledger", ["person_key", "opened_at"])


def _turn() -> None:
    op.add_column("turn", sa.Column("fallback", sa.String))
    op.drop_index("turn_opened", "turn")
    op.create_index("turn_opened", "turn", ["opened_at", "outcome", "first_text_at", "fallback"])
    op.create_index("turn_channel", "turn", ["channel_key", "opened_at", "outcome"])
    op.create_index("turn_person", "turn", ["person_key", "opened_at", "outcome"])


def _budget_change() -> None:
    op.create_table(
        "budget_change",
        sa.Column("id", BIG_ID, primary_key=True),
        sa.Column("budget_key", sa.String, nullable=False),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("amount_nanousd", sa.BigInteger, nullable=False),
        sa.Column("changed_by", sa.String, nullable=False),
        _instant("changed_at"),
    )
    op.create_index("budget_change_time", "budget_change", ["changed_at"])


def _report() -> None:
    op.create_table("report_seen", sa.Column("key", sa.String, primary_key=True), _instant("since"))
    op.create_table(
        "report",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("period", sa.String, primary_key=True),
        sa.Column("destination", sa.String, primary_key=True),
        _instant("due_at"),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("copies", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        _instant("next_attempt_at", nullable=True),
        sa.Column("message_key", sa.String),
        sa.Column("asked_by", sa.String),
        _instant("sent_at", nullable=True),
        sa.Column("detail", sa.String),
    )
    condition = sa.text("next_attempt_at IS NOT NULL")
    op.create_index(
        "report_waiting",
        "report",
        ["next_attempt_at"],
        postgresql_where=condition,
        sqlite_where=condition,
    )


def _instant(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)
