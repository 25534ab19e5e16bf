"""What the doctor finds out about the Slack app, and what an adapter says that can't work."""

import re

import pytest

from adapters.slack import Credentials, SlackAdapter
from bot.ports import AdapterSetup, PlatformError
from bot.vocabulary import Finding, SystemClock, Verdict
from config import Settings
from config.slack_manifest import bot_scopes
from sandbox.slack import Fault
from tests.slack_desk import SlackDesk, slack_desk

FAILURE, OK = Verdict.FAILURE, Verdict.OK


async def findings(desk: SlackDesk) -> dict[str, Finding]:
    """What is found, by the name of the check."""
    return {finding.check: finding for finding in await desk.adapter.diagnose()}


async def test_all_is_well_with_the_app_of_the_manifest() -> None:
    """Its token, its scopes, and the way events come."""
    async with slack_desk(started=False, scopes=bot_scopes()) as desk:
        found = await findings(desk)
    assert {finding.verdict for finding in found.values()} == {OK}
    assert found["Slack bot"].said == "@parley in Sandbox"


async def test_missing_scopes_are_named() -> None:
    """With what to do about them."""
    async with slack_desk(started=False, scopes=bot_scopes()) as desk:
        desk.slack.set_scopes(sorted(set(bot_scopes()) - {"files:read", "users:read"}))
        finding = (await findings(desk))["Slack scopes"]
    assert (finding.verdict, finding.said) == (FAILURE, "missing: files:read, users:read")
    assert "install the app again" in finding.remedy


async def test_a_wrong_token_is_told_apart_from_a_wrong_app_token() -> None:
    """Each has a remedy of its own."""
    async with slack_desk(started=False) as outer:
        wrong = Credentials(bot_token="xoxb-wrong", app_token="xapp-wrong")
        found = await findings(SlackDesk(outer.slack, credentials=wrong))
    assert "SLACK_BOT_TOKEN" in found["Slack bot"].remedy
    assert "SLACK_APP_TOKEN" in found["Slack events"].remedy


@pytest.mark.parametrize(
    ("credentials", "blamed"),
    [
        (Credentials(bot_token="xoxb-wrong", app_token="xapp-wrong"), "SLACK_BOT_TOKEN"),
        (Credentials(bot_token="xoxb-sandbox-1", app_token="xapp-wrong"), "SLACK_APP_TOKEN"),
    ],
)
async def test_an_adapter_that_can_never_work_says_why(
    credentials: Credentials, blamed: str
) -> None:
    """It ends instead of trying again for ever."""
    async with slack_desk(started=False) as outer:
        desk = SlackDesk(outer.slack, credentials=credentials)
        await desk.start()
        error = await desk.ended()
        await desk.stop()
    assert isinstance(error, PlatformError)
    assert re.search(f"{blamed} is not accepted .*invalid_auth.*parley doctor", str(error))


async def test_an_adapter_waits_for_a_slack_that_is_away() -> None:
    """What may pass is no reason to give up."""
    async with slack_desk(started=False) as desk:
        desk.slack.fail_next(Fault.of_status(503), method="auth.test")
        desk.slack.fail_next(Fault.of_status(503), method="apps.connections.open")
        await desk.start()
        assert desk.adapter.ready


@pytest.mark.parametrize(
    ("mode", "secrets", "problem"),
    [
        ("socket", {"SLACK_APP_TOKEN": "xapp-1"}, "set SLACK_BOT_TOKEN"),
        ("socket", {"SLACK_BOT_TOKEN": "xoxb-1"}, "needs SLACK_APP_TOKEN"),
        ("http", {"SLACK_BOT_TOKEN": "xoxb-1"}, "needs SLACK_SIGNING_SECRET"),
    ],
)
async def test_what_is_missing_is_told_when_it_is_made(
    tmp_path: object, mode: str, secrets: dict[str, str], problem: str
) -> None:
    """By the name of the variable."""
    async with slack_desk(started=False) as desk:
        setup = AdapterSetup(
            clock=SystemClock(),
            secrets=secrets,
            addresses={},
            settings={"mode": mode},
            data_dir=tmp_path,  # type: ignore[arg-type]  # not used here
            store=desk.adapter._parts._store,
        )
        with pytest.raises(PlatformError, match=problem):
            SlackAdapter.from_setup(setup)


def test_the_settings_know_the_manifests_scopes() -> None:
    """The adapter gets them with its section; nobody lists them twice."""
    scopes = Settings().slack.model_dump()["bot_scopes"]
    assert scopes == bot_scopes()
    assert {"chat:write", "app_mentions:read", "im:history", "commands"} <= set(scopes)
