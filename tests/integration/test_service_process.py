"""The service as a process: it comes up, says so, and ends when it is told to, with nothing lost."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from bot.cli import invoke
from bot.vocabulary import SystemClock
from sandbox.claude import Pace, SimulatedClaude
from storage import integrity
from storage.database import Database
from tests.integration.operators_desk import OperatorsDesk
from tests.integration.parley_process import ParleyProcess, parley
from tests.storage_kit import take_one

WORDS = " ".join(f"word{number}" for number in range(40))
READY = {"ready": True, "checks": {"database": "ok", "service": "ok"}}


@pytest.fixture
def silent_server() -> Iterator[socket.socket]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


async def started(process: ParleyProcess) -> None:
    """Return once it calls itself ready."""
    assert await process.answers("/readyz", 200) == READY
    assert await process.get("/healthz") == (200, {"alive": True})


async def test_it_comes_up_by_itself_and_ends_when_it_is_told_to(
    tmp_path: Path, unused_tcp_port: int
) -> None:
    """With nothing set at all it makes its database, is ready, and ends in time and in order."""
    async with parley(
        "sandbox", "--no-page", directory=tmp_path, port=unused_tcp_port, cold=True
    ) as service:
        await started(service)
        service.terminate()
        assert await service.ended() == 0
        assert "Traceback" not in service.complaints()
    assert (tmp_path / "data" / "sandbox.db").exists()


@pytest.mark.postgres
@pytest.mark.parametrize("dialect", ["postgresql"])
async def test_two_replicas_come_up_together_and_one_goes_on_alone(
    database_url: str, tmp_path: Path, unused_tcp_port_factory: Callable[[], int]
) -> None:
    """Both start at once on an empty database and are ready; one is killed, the other does not care,
    and ends in time when it is told to."""
    environ = {"DATABASE_URL": database_url}

    def replica(name: str) -> AbstractAsyncContextManager[ParleyProcess]:
        folder, port = tmp_path / name, unused_tcp_port_factory()
        folder.mkdir()
        return parley("sandbox", "--no-page", directory=folder, port=port, environ=environ)

    async with replica("one") as one, replica("two") as two:
        await asyncio.gather(started(one), started(two))
        one.kill()
        await one.ended()
        await started(two)
        two.terminate()
        assert await two.ended() == 0


async def test_a_database_that_keeps_silent(
    tmp_path: Path, unused_tcp_port: int, silent_server: socket.socket
) -> None:
    """The service is alive, says what it waits for, and ends when it is told to without waiting for
    the first word."""
    url = f"postgresql://me:hunter2@127.0.0.1:{silent_server.getsockname()[1]}/parley"
    environ = {"DATABASE_URL": url}
    async with parley(
        "sandbox", "--no-page", directory=tmp_path, port=unused_tcp_port, environ=environ
    ) as service:
        await service.answers("/healthz", 200)
        said = await service.answers("/readyz", 503)
        assert said == {
            "ready": False,
            "checks": {"database": "no answer within 2 s", "service": "ok"},
        }
        service.terminate()
        assert await service.ended(within_s=5) == 0


@pytest.mark.parametrize("dialect", ["sqlite"])
async def test_an_answer_that_is_being_written_when_it_is_told_to_stop(
    ready_url: str, tmp_path: Path
) -> None:
    """It ends in time and in order, and the turn is there for whoever comes next, not a lease later."""
    (tmp_path / "parley.toml").write_text("[engine]\nshutdown_s = 0.1\n")
    async with SimulatedClaude(pace=Pace(tokens_per_chunk=3)) as claude:
        claude.script.always(WORDS)
        claude.hold(after_chunks=3)
        environ = {
            "ANTHROPIC_API_KEY": "sk-ant-simulated",
            "ANTHROPIC_BASE_URL": claude.base_url,
            "DATABASE_URL": ready_url,
        }
        async with parley("chat", "Tell me.", directory=tmp_path, environ=environ) as service:
            await claude.wait_for_held(timeout_s=60)
            service.terminate()
            assert await service.ended() == 0
    database = Database(ready_url, clock=SystemClock())
    work = await take_one(database, owner="the next", now=database.now())
    open_requests = await database.read(integrity.problems, now=database.now())
    await database.close()
    assert work.resumed
    assert [each.message.text for each in work.messages] == ["Tell me."]
    assert open_requests == []


async def test_a_web_port_that_is_taken(tmp_path: Path, silent_server: socket.socket) -> None:
    """The service does not start half: it says which setting to change, and ends."""
    port = silent_server.getsockname()[1]
    async with parley("sandbox", "--no-page", directory=tmp_path, port=port) as service:
        assert await service.ended(within_s=60) == 1
        said = service.complaints()
    assert f"PARLEY_HTTP=127.0.0.1:{port}: another process listens there" in said
    assert "Traceback" not in said
    assert not (tmp_path / "data" / "sandbox.db").exists()


def test_run_without_tokens_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every variable by its name, and that the sandbox needs none; nothing is started or made."""
    monkeypatch.chdir(tmp_path)
    assert invoke(["run"]) == 2
    said = capsys.readouterr().err
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "DISCORD_TOKEN"):
        assert name in said
    assert "To try Parley without any account, run `parley sandbox`" in said
    assert list(tmp_path.iterdir()) == []


async def test_run_without_claudes_key_says_so(desk: OperatorsDesk) -> None:
    """A platform alone is not enough."""
    desk.set(DISCORD_TOKEN="token")
    said = await desk.parley("run")
    assert said.status == 2
    assert "ANTHROPIC_API_KEY: is missing" in said.err


async def test_run_with_half_a_platform_names_the_other_half(desk: OperatorsDesk) -> None:
    """One of two tokens that belong together is told with the one that is missing."""
    desk.set(SLACK_BOT_TOKEN="xoxb-1", ANTHROPIC_API_KEY="sk-ant-simulated")
    said = await desk.parley("run")
    assert said.status == 2
    assert "SLACK_APP_TOKEN: is missing while SLACK_BOT_TOKEN is set" in said.err


async def test_the_sandboxs_port_that_is_taken(
    desk: OperatorsDesk, silent_server: socket.socket
) -> None:
    """Where the simulated Claude can't listen, the option to change is named."""
    port = silent_server.getsockname()[1]
    said = await desk.parley("sandbox", "hello", "--claude-port", str(port))
    assert f"can't listen on port {port}; choose another --claude-port" in said.sentence
