"""What Alembic runs around the revisions; the connection comes from the caller, in a transaction."""

from alembic import context
from sqlmodel import SQLModel

import storage.tables  # noqa: F401 - fills the metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    render_as_batch=connection.dialect.name == "sqlite",  # it can't alter a table in place
    compare_type=True,
)
context.run_migrations()
