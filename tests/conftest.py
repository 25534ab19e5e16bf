"""What holds for every test: no network, no credentials of the developer's, a database of its own."""

import gc
import logging
import os
import shlex
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import execnet
import hypothesis
import pytest
import pytest_asyncio
import structlog

from storage import postgres, sqlite
from tests.forking import stand_in
from tests.forking.address import fork_server
from tests.forking.programs import WORKER
from tests.kept_engines import KeptEngines
from tests.network_guard import NetworkGuard, guard_this_process
from tests.postgres import PostgresMissing, PostgresServer
from tests.support import free_port

if TYPE_CHECKING:
    from playwright.async_api import Browser

MOST_WORKERS = 8

_SETTINGS_PREFIXES = ("ANTHROPIC_", "SLACK_", "DISCORD_", "PARLEY_", "OTEL_")
_SETTINGS_NAMES = frozenset({"DATABASE_URL", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"})


def pytest_configure(config: pytest.Config) -> None:
    """Cut this process and those it starts off from the network and from the developer's settings."""
    for name in list(os.environ):
        if name.startswith(_SETTINGS_PREFIXES) or name.upper() in _SETTINGS_NAMES:
            del os.environ[name]
    _guard_what_tests_start()
    guard_this_process()
    _choose_hypothesis_profile()
    _log_plainly()


def pytest_xdist_auto_num_workers() -> int:
    """Five processes for two processors, since tests also wait for timers; each has a PostgreSQL and a
    quarter of a gigabyte, so there are never many."""
    return min(5 * (os.cpu_count() or 1) // 2, MOST_WORKERS)


def pytest_xdist_setupnodes(specs: Sequence[execnet.XSpec]) -> None:
    """Fork the workers from one process that has imported what all of them need."""
    command = shlex.join(stand_in.command(str(fork_server(WORKER))))
    for spec in specs:
        if spec.popen:
            spec.python = command


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """What is imported stays: it need not be looked through on the way, which took a third of that time,
    nor whenever a test's garbage is collected, which took a fifth of all the time."""
    gc.disable()
    try:
        _begin_with_own_share(session.config)
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def _begin_with_own_share(config: pytest.Config) -> None:
    """Of several processes that collect all tests, each imports others first: when they are new, pytest
    rewrites their assertions once, not in each process. Whoever collects a broken one says so."""
    worker = getattr(config, "workerinput", None)
    if worker is None or config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    modules = sorted(Path(__file__).parent.glob("*/test_*.py"))
    for module in modules[int(worker["workerid"].removeprefix("gw")) :: worker["workercount"]]:
        with suppress(Exception, pytest.skip.Exception):
            import_module(f"tests.{module.parent.name}.{module.stem}")


def _log_plainly() -> None:
    """As structlog does by default, but without drawing a frame around every line of a traceback."""
    structlog.reset_defaults()
    *processors, _ = structlog.get_config()["processors"]
    renderer = structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )
    structlog.configure(processors=[*processors, renderer])


def _guard_what_tests_start() -> None:
    guarded = str(Path(__file__).parent / "guarded")
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    if guarded not in paths:
        os.environ["PYTHONPATH"] = os.pathsep.join([guarded, *paths])


def _choose_hypothesis_profile() -> None:
    """Examples are the same in every CI run, and new ones at every desk. No deadline: machines differ."""
    hypothesis.settings.register_profile("desk", deadline=None)
    hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, database=None)
    hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "desk")


@pytest.fixture(autouse=True)
def _leaves_logging_as_it_was() -> Iterator[None]:
    """A command that runs in the test's own process sets up logging for the process."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)
    _log_plainly()


@pytest.fixture
def network_guard() -> NetworkGuard:
    """The guard on duty; a test about it clears `attempts` itself."""
    return guard_this_process()


@pytest.fixture(autouse=True)
def _stays_on_loopback(network_guard: NetworkGuard) -> Iterator[None]:
    """Fail a test that tried to reach the network, even if its code swallowed the refusal."""
    network_guard.attempts.clear()
    yield
    attempts, network_guard.attempts = network_guard.attempts, []
    if attempts:
        pytest.fail(f"the test tried to reach the network: {', '.join(attempts)}", pytrace=False)


@pytest.fixture(scope="session")
def kept_engines() -> KeptEngines:
    """This process's database engines."""
    return KeptEngines()


@pytest.fixture(autouse=True)
def _keeps_engines(kept_engines: KeptEngines, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sqlite, "_engine", kept_engines.sqlite)
    monkeypatch.setattr(postgres, "create_async_engine", kept_engines.postgres)
    yield
    kept_engines.give_back()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def dialect(request: pytest.FixtureRequest) -> str:
    """Both databases in turn: `sqlite` and `postgresql`."""
    return str(request.param)


@pytest.fixture(scope="session")
def unused_tcp_port_factory() -> Callable[[], int]:
    """In place of pytest-asyncio's, whose ports another process may get in the meantime."""
    return free_port


@pytest.fixture
def unused_tcp_port() -> int:
    """One such port."""
    return free_port()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """This process's PostgreSQL server; a test that stops it starts it again."""
    try:
        server = PostgresServer()
        server.start()
    except PostgresMissing as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"PostgreSQL can't run here: {missing}")
    yield server
    server.destroy()


@pytest.fixture
def database_url(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database of the test's own, on each of the two engines."""
    if dialect == "sqlite":
        yield f"sqlite:///{tmp_path / 'parley.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = server.create_database()
    yield server.url(name)
    server.drop_database(name)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> "AsyncIterator[Browser]":
    """One browser a process, since it takes long to start. Each test opens windows of its own in it,
    which share nothing; its tests run in the session's event loop."""
    from tests.browser import browser  # here, so that other tests need none of it

    async with browser() as running:
        yield running
