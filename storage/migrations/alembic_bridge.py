"""Alembic, driven without a configuration file: the connection to work on is handed to `env.py`."""

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from storage import migrations


def upgrade(connection: Connection) -> None:
    """Apply every pending revision, in the connection's transaction."""
    command.upgrade(_config(connection), "head")


def add_revision(connection: Connection, message: str) -> str:
    """Write the next revision from what the tables of a database at head lack; returns its number."""
    number = f"{int(migrations.head()) + 1:04d}"
    command.revision(_config(connection), message, autogenerate=True, rev_id=number)
    return number


def _config(connection: Connection) -> Config:
    config = Config()
    options = {
        "script_location": str(migrations.HERE),
        "path_separator": "os",
        "file_template": "%(rev)s_%(slug)s",
    }
    for name, value in options.items():
        config.set_main_option(name, value.replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
