"""What platforms need: which messages are replies, what people thought of them, cards."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add them."""
    op.add_column("turn", sa.Column("card", sa.Text))
    op.create_table(
        "reply_message",
        sa.Column("message_key", sa.String, primary_key=True),
        sa.Column("thread_key", sa.String, nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("reply_message_age", "reply_message", ["posted_at"])
    op.create_table(
        "rating",
        sa.Column("turn_id", sa.String, primary_key=True),
        sa.Column("person_id", sa.String, primary_key=True),
        sa.Column("good", sa.Boolean, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("rating_age", "rating", ["made_at"])
