"""Which workspace something belongs to, and whose token is used there."""

from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.fernet import Fernet
from slack_sdk.oauth.installation_store import Bot

from adapters.memory import MemoryStore
from adapters.slack.installations import InstallationStore
from adapters.slack.workspaces import Workspaces
from bot.ports import ThreadGone
from bot.vocabulary import ManualClock

OWN = {"team_id": "T1", "user_id": "U0BOT", "bot_id": "B0BOT", "user": "parley"}


def installation_store() -> InstallationStore:
    """An empty one."""
    return InstallationStore(store=MemoryStore(), cipher=Fernet(Fernet.generate_key()))


def workspaces(
    installations: InstallationStore | None = None, *, own: Mapping[str, Any] | None = OWN
) -> Workspaces:
    """With a token in the environment, or without."""

    async def test_token(token: str) -> Mapping[str, Any]:
        assert own is not None, "there is none to ask about"
        return own

    return Workspaces(
        own_token=None if own is None else "xoxb-own",
        installations=installations,
        test_token=test_token,
        clock=ManualClock(),
    )


def bot(*, team: str | None = None, organisation: str | None = None) -> Bot:
    """An installed bot."""
    return Bot(
        team_id=team,
        enterprise_id=organisation,
        is_enterprise_install=team is None,
        bot_token=f"xoxb-{team or organisation}",
        bot_id="B1",
        bot_user_id="U1",
        bot_scopes=["chat:write"],
        installed_at=1.5,
    )


async def test_with_one_workspace_everything_is_there() -> None:
    """Whatever team a stranger in a shared channel belongs to."""
    one = workspaces()
    for body in ({"team_id": "T9"}, {"team": {"id": "T9"}}, {}):
        assert await one.workspace_of(body) == "T1"
    assert (await one.of("T1")).token == "xoxb-own"
    with pytest.raises(ThreadGone, match="not installed in the workspace T9"):
        await one.of("T9")


async def test_with_many_it_is_the_one_that_authorised_the_event() -> None:
    """Not the author's, nor the one that the channel began in."""
    many = workspaces(installation_store(), own=None)
    authorised = [{"team_id": "T2", "enterprise_id": None}]
    body = {"authorizations": authorised, "team_id": "T3", "context_team_id": "T4"}
    assert await many.workspace_of(body) == "T2"
    assert await many.workspace_of({"team": {"id": "T5"}, "type": "block_actions"}) == "T5"
    assert await many.workspace_of({"command": "/parley", "team_id": "T6"}) == "T6"


async def test_each_workspace_has_its_own_token() -> None:
    """Until it leaves."""
    store = installation_store()
    await store.async_save_bot(bot(team="T2"))
    many = workspaces(store)
    assert (await many.of("T2")).token == "xoxb-T2"
    assert list(await many.all()) == ["T1", "T2"]
    await many.lost("T2")
    with pytest.raises(ThreadGone):
        await many.of("T2")
    await store.async_save_bot(bot(team="T2"))
    many.changed("T2")
    assert (await many.of("T2")).token == "xoxb-T2"


async def test_an_organisation_has_one_token_for_all_its_workspaces() -> None:
    """An event tells which workspaces those are; another replica knows it from the store."""
    store = installation_store()
    await store.async_save_bot(bot(organisation="E1"))
    many = workspaces(store, own=None)
    authorised = {"team_id": "T7", "enterprise_id": "E1", "is_enterprise_install": True}
    assert await many.workspace_of({"authorizations": [authorised]}) == "T7"
    assert (await many.of("T7")).token == "xoxb-E1"
    assert (await workspaces(store, own=None).of("T7")).token == "xoxb-E1"


async def test_a_token_of_an_organisation_works_in_every_workspace() -> None:
    """Also one in the environment."""
    own = {"team_id": "E1", "enterprise_id": "E1", "is_enterprise_install": True, **OWN}
    one = workspaces(own=own)
    assert await one.workspace_of({"team_id": "T8"}) == "T8"
    assert (await one.of("T8")).workspace == "T8"
