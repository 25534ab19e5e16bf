"""The doctor's checks: what it finds, and the remedy it names."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.memory import MemoryAdapter
from bot.doctor import Check, checks_of, examine
from bot.doctor.claude import ClaudeExamination, models_in_use
from bot.doctor.machine import examine_disk, examine_http_port, examine_time_zone
from bot.doctor.platforms import platform_checks
from bot.doctor.settings import examine_catalogue, examine_settings
from bot.ports import Adapter, PlatformError
from bot.vocabulary import Clock, Finding, ManualClock, SystemClock, Verdict
from bot.web.server import WebServer
from config import Settings, load_settings
from config.environment import HttpAddress
from sandbox.claude import SimulatedClaude

TODAY = date(2026, 11, 23)


def settings_of(directory: Path, toml: str = "", **environ: str) -> Settings:
    """Settings as an operator would write them."""
    (directory / "parley.toml").write_text(toml)
    return load_settings({"PARLEY_HTTP": "127.0.0.1:0", **environ}, directory, today=TODAY)


def verdicts(findings: Sequence[Finding]) -> dict[str, Verdict]:
    return {finding.check: finding.verdict for finding in findings}


async def claude_findings(settings: Settings, clock: Clock | None = None) -> Sequence[Finding]:
    return await ClaudeExamination(settings=settings, clock=clock or SystemClock()).examine()


@pytest.fixture
async def claude() -> AsyncIterator[SimulatedClaude]:
    async with SimulatedClaude() as claude:
        yield claude


# --- how checks are run ------------------------------------------------------------------------


async def test_findings_come_in_the_order_of_the_checks() -> None:
    """All checks run at once; what is read does not depend on which was quicker."""
    second_is_done = asyncio.Event()

    async def first() -> list[Finding]:
        await second_is_done.wait()
        return [Finding(check="first", verdict=Verdict.OK, said="fine")]

    async def second() -> list[Finding]:
        second_is_done.set()
        return [Finding(check="second", verdict=Verdict.OK, said="fine")]

    findings = await examine([Check("first", first), Check("second", second)])
    assert [finding.check for finding in findings] == ["first", "second"]


async def test_a_check_that_hangs_or_breaks_is_a_finding() -> None:
    """Neither keeps the other findings from being read, even if it can't be cancelled."""
    free = asyncio.Event()

    async def hangs() -> list[Finding]:
        while not free.is_set():
            try:
                await free.wait()
            except asyncio.CancelledError:
                continue
        return []

    async def breaks() -> list[Finding]:
        raise ZeroDivisionError("secret")

    async def fine() -> list[Finding]:
        return [Finding(check="fine", verdict=Verdict.OK, said="fine")]

    checks = [Check("hangs", hangs, deadline_s=0.01), Check("breaks", breaks), Check("fine", fine)]
    async with asyncio.timeout(10):
        hung, broke, well = await examine(checks)
    free.set()
    assert (hung.check, hung.verdict) == ("hangs", Verdict.FAILURE)
    assert (broke.check, broke.verdict) == ("breaks", Verdict.FAILURE)
    assert "secret" not in broke.said
    assert well.verdict is Verdict.OK


# --- Claude ------------------------------------------------------------------------------------


async def test_a_good_key_and_models(tmp_path: Path, claude: SimulatedClaude) -> None:
    """With a key that the API accepts, each model that some channel uses is checked once."""
    toml = '[channels."slack:C1".claude]\nmodel = "claude-opus-5-5"\n'
    settings = settings_of(
        tmp_path, toml, ANTHROPIC_API_KEY="sk-ant-good", ANTHROPIC_BASE_URL=claude.base_url
    )
    assert verdicts(await claude_findings(settings)) == {
        "Claude": Verdict.OK,
        "model claude-sonnet-5-5": Verdict.OK,
        "model claude-haiku-5-5": Verdict.OK,
        "model claude-opus-5-5": Verdict.OK,
        "clock": Verdict.OK,
    }


async def test_a_refused_key(tmp_path: Path, claude: SimulatedClaude) -> None:
    """A key that the API refuses is a failure that says where to get another, and shows no key."""
    settings = settings_of(
        tmp_path, ANTHROPIC_API_KEY="invalid", ANTHROPIC_BASE_URL=claude.base_url
    )
    finding = (await claude_findings(settings))[0]
    assert finding.verdict is Verdict.FAILURE
    assert "refuses the key" in finding.said
    assert "platform.claude.com/settings/keys" in finding.remedy
    assert "invalid" not in finding.said


async def test_no_key(tmp_path: Path) -> None:
    """Without a key nothing is asked, and the sandbox is pointed out."""
    (finding,) = await claude_findings(settings_of(tmp_path))
    assert finding.verdict is Verdict.FAILURE
    assert "parley sandbox" in finding.remedy


async def test_an_unreachable_api(tmp_path: Path, unused_tcp_port: int) -> None:
    """An address where nobody listens is said to be that, with its password hidden."""
    settings = settings_of(
        tmp_path,
        ANTHROPIC_API_KEY="k",
        ANTHROPIC_BASE_URL=f"http://me:hunter2@127.0.0.1:{unused_tcp_port}",
    )
    (finding,) = await claude_findings(settings)
    assert finding.verdict is Verdict.FAILURE
    assert f"127.0.0.1:{unused_tcp_port} can't be reached" in finding.said
    assert "hunter2" not in finding.said
    assert "ANTHROPIC_BASE_URL" in finding.remedy


class PlainApi:
    """An API that says what it is told to, at the time it is told."""

    def __init__(self, *, status: int, body: object, now: datetime | None = None) -> None:
        self._status, self._body = status, body
        self._now = now or datetime.now(UTC)
        app = web.Application()
        app.router.add_get("/{any:.*}", self._answer)
        self.server = TestServer(app)

    async def _answer(self, _: web.Request) -> web.Response:
        headers = {"Date": format_datetime(self._now, usegmt=True)}
        return web.json_response(self._body, status=self._status, headers=headers)


def api_error(kind: str) -> object:
    return {"type": "error", "error": {"type": kind, "message": "no"}}


MODEL_BODY = {
    "id": "m",
    "type": "model",
    "display_name": "M",
    "created_at": "2026-01-01T00:00:00Z",
}


@pytest.mark.parametrize(
    ("status", "body", "key", "model"),
    [
        (404, api_error("not_found_error"), Verdict.OK, Verdict.FAILURE),
        (404, {"detail": "Not Found"}, Verdict.OK, Verdict.WARNING),
        (403, api_error("permission_error"), Verdict.FAILURE, None),
        (529, api_error("overloaded_error"), Verdict.WARNING, None),
    ],
)
async def test_what_the_api_says_of_a_model(
    status: int, body: object, key: Verdict, model: Verdict | None, tmp_path: Path
) -> None:
    """A model that the API does not offer fails; a proxy that can't tell, or an API that is overloaded,
    only deserves attention."""
    api = PlainApi(status=status, body=body)
    async with api.server:
        url = str(api.server.make_url("/"))
        settings = settings_of(tmp_path, ANTHROPIC_API_KEY="k", ANTHROPIC_BASE_URL=url)
        found = verdicts(await claude_findings(settings))
    assert found["Claude"] is key
    assert found.get("model claude-sonnet-5-5") is model


@pytest.mark.parametrize(
    ("ahead_s", "verdict", "said"),
    [
        (5, Verdict.OK, "agrees"),
        (-20, Verdict.OK, "agrees"),
        (60, Verdict.WARNING, "60 s ahead of"),
        (-400, Verdict.FAILURE, "400 s behind"),
    ],
)
async def test_a_clock_that_is_wrong(
    ahead_s: int, verdict: Verdict, said: str, tmp_path: Path
) -> None:
    """The machine's clock is compared with the one that the API tells."""
    clock = ManualClock()
    api = PlainApi(status=200, body=MODEL_BODY, now=clock.now() - timedelta(seconds=ahead_s))
    async with api.server:
        url = str(api.server.make_url("/"))
        settings = settings_of(tmp_path, ANTHROPIC_API_KEY="k", ANTHROPIC_BASE_URL=url)
        found = await claude_findings(settings, clock)
    (finding,) = (each for each in found if each.check == "clock")
    assert finding.verdict is verdict
    assert said in finding.said


def test_models_of_overrides_are_in_use_too(tmp_path: Path) -> None:
    """Each model is named once, the general ones first."""
    toml = """
        [claude]
        fallback_models = []
        [workspaces."slack:T1".claude]
        model = "claude-opus-5-5"
        [channels."slack:C1".claude]
        model = "claude-sonnet-5-5"
    """
    used = models_in_use(settings_of(tmp_path, toml))
    assert used[0] == "claude-sonnet-5-5"
    assert sorted(used) == sorted(set(used))
    assert "claude-opus-5-5" in used


# --- settings and prices -----------------------------------------------------------------------


async def test_a_model_about_to_retire_deserves_attention(tmp_path: Path) -> None:
    """What the settings warn of is a finding with its remedy."""
    settings = settings_of(tmp_path, '[claude]\nmodel = "claude-sonnet-4-5"\n')
    findings = await examine_settings(settings)
    retiring = [finding for finding in findings if "2026-11-30" in finding.said]
    assert [finding.verdict for finding in retiring] == [Verdict.WARNING]
    assert "change to another model" in retiring[0].remedy


async def test_settings_without_a_problem(tmp_path: Path) -> None:
    """Nothing to say is said in one line."""
    assert verdicts(await examine_settings(settings_of(tmp_path))) == {"settings": Verdict.OK}


@pytest.mark.parametrize(
    ("days", "verdict"), [(0, Verdict.OK), (90, Verdict.OK), (91, Verdict.WARNING)]
)
async def test_old_prices_deserve_attention(days: int, verdict: Verdict, tmp_path: Path) -> None:
    """Prices that nobody has compared for three months are pointed out."""
    settings = settings_of(tmp_path)
    checked_on = settings.models.checked_on
    assert checked_on is not None
    noon = datetime(checked_on.year, checked_on.month, checked_on.day, 12, tzinfo=UTC)
    clock = ManualClock(noon + timedelta(days=days))
    (finding,) = await examine_catalogue(settings, clock)
    assert finding.verdict is verdict
    assert f"{days} days ago" in finding.said


# --- machine -----------------------------------------------------------------------------------


async def test_a_free_port_is_left_free(tmp_path: Path, unused_tcp_port: int) -> None:
    """Looking does not occupy the port."""
    settings = settings_of(tmp_path, PARLEY_HTTP=f"127.0.0.1:{unused_tcp_port}")
    for _ in range(2):
        (finding,) = await examine_http_port(settings)
        assert finding.verdict is Verdict.OK


async def test_a_taken_port(tmp_path: Path) -> None:
    """Another program on PARLEY_HTTP is a failure; a running Parley is none."""
    health = web.get("/healthz", _alive)
    for routes, verdict in ((), Verdict.FAILURE), ((health,), Verdict.OK):
        server = WebServer(address=HttpAddress("127.0.0.1", 0))
        server.add_routes(routes)
        await server.start()
        settings = settings_of(tmp_path, PARLEY_HTTP=server.url.removeprefix("http://"))
        (finding,) = await examine_http_port(settings)
        await server.stop()
        assert finding.verdict is verdict
        assert bool(finding.remedy) is (verdict is Verdict.FAILURE)


async def _alive(_: web.Request) -> web.Response:
    return web.json_response({"alive": True})


async def test_the_disk_is_the_database_s(tmp_path: Path) -> None:
    """Free space is looked at where the database file is or will be."""
    file = tmp_path / "not" / "yet" / "parley.db"
    (finding,) = await examine_disk(settings_of(tmp_path, DATABASE_URL=f"sqlite:///{file}"))
    assert finding.said.endswith(f"MiB free at {tmp_path}")


async def test_the_time_zone_shows_the_local_time(tmp_path: Path) -> None:
    """An operator sees at a glance whether the zone is the one that was meant."""
    settings = settings_of(tmp_path, '[operators]\ntimezone = "Asia/Kolkata"\n')
    (finding,) = await examine_time_zone(settings, ManualClock())
    assert finding.said == "Asia/Kolkata, where it is 2026-11-23 14:30"


# --- platforms and the whole -------------------------------------------------------------------


class SelfExamining(MemoryAdapter):
    """An adapter that finds a fault with itself."""

    async def diagnose(self) -> list[Finding]:
        said, remedy = "no intent", "Switch it on."
        return [Finding(check="discord", verdict=Verdict.FAILURE, said=said, remedy=remedy)]


def nobody(name: str) -> Adapter:
    raise KeyError(name)


async def test_a_configured_platform_looks_at_itself(tmp_path: Path) -> None:
    """Of all platforms, the adapter of the one whose token is there is asked."""
    settings = settings_of(tmp_path, DISCORD_TOKEN="token-of-discord")
    asked: list[str] = []

    def make(name: str) -> Adapter:
        asked.append(name)
        return SelfExamining()

    checks = checks_of(settings=settings, clock=ManualClock(), make_adapter=make)
    found = verdicts(await examine(checks))
    assert asked == ["discord"]
    assert (found["discord"], found["platforms"]) == (Verdict.FAILURE, Verdict.OK)


async def test_a_platform_that_can_not_be_started(tmp_path: Path) -> None:
    """An adapter that is missing, or refuses its settings, is a failure with a remedy."""
    settings = settings_of(tmp_path, DISCORD_TOKEN="token-of-discord")

    def refuses(_: str) -> Adapter:
        raise PlatformError("the token has no dots")

    for make, said in ((nobody, "no adapter"), (refuses, "no dots")):
        findings = await examine(platform_checks(settings, make))
        assert [finding.verdict for finding in findings] == [Verdict.FAILURE]
        assert said in findings[0].said
        assert findings[0].remedy


async def test_an_adapter_without_an_examination_is_taken_at_its_word(tmp_path: Path) -> None:
    """Not every adapter can look at itself; its tokens being there is what can be said."""
    settings = settings_of(tmp_path, DISCORD_TOKEN="token-of-discord")
    findings = await examine(platform_checks(settings, lambda _: MemoryAdapter()))
    assert verdicts(findings) == {"discord": Verdict.OK}


async def test_every_failure_has_a_remedy(tmp_path: Path) -> None:
    """On a machine with nothing set up, each thing that is wrong comes with what to do."""
    checks = checks_of(settings=settings_of(tmp_path), clock=SystemClock(), make_adapter=nobody)
    findings = await examine(checks)
    wrong = [finding for finding in findings if finding.verdict is not Verdict.OK]
    assert verdicts(findings)["Claude"] is Verdict.FAILURE
    assert verdicts(findings)["platforms"] is Verdict.WARNING
    assert all(finding.remedy for finding in wrong)
