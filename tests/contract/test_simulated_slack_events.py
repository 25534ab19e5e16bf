"""Events as Slack sends them, heard by bolt: shapes, subtypes, and who hears what."""

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from sandbox.slack import ChannelKind, SimulatedSlack, Upload
from tests.contract.slack_clients import Hearing, connected, web_client


async def _heard(slack: SimulatedSlack, heard: Hearing, count: int) -> list[dict[str, Any]]:
    """The events since the last look, once there are so many; no more are under way then."""
    await slack.until(
        lambda: len(heard.events) >= count and slack.acked == len(slack.deliveries),
        what=f"{count} acknowledged events",
    )
    events, heard.events = heard.events, []
    return events


async def test_a_message_says_all_that_slack_says(simulated_slack: SimulatedSlack) -> None:
    """Escaped text, rich text beside it, who, where, and for whom the envelope is."""
    ada, general = simulated_slack.world.user("ada"), simulated_slack.world.channel("general")
    async with connected(simulated_slack) as heard:
        said = simulated_slack.say("a <b> & https://example.org/?x=1&y=2, @Grace!")
        (event,) = await _heard(simulated_slack, heard, 1)
    grace = simulated_slack.world.user("grace").id
    assert event["text"] == f"a &lt;b&gt; &amp; <https://example.org/?x=1&amp;y=2>, <@{grace}>!"
    (section,) = event["blocks"][0]["elements"]
    assert section["elements"] == [
        {"type": "text", "text": "a <b> & "},
        {"type": "link", "url": "https://example.org/?x=1&y=2"},
        {"type": "text", "text": ", "},
        {"type": "user", "user_id": grace},
        {"type": "text", "text": "!"},
    ]
    expected = {
        "type": "message",
        "user": ada.id,
        "team": ada.team_id,
        "channel": general.id,
        "channel_type": "channel",
        "ts": said.ts,
        "event_ts": said.ts,
        "client_msg_id": said.client_msg_id,
    }
    assert {name: event.get(name) for name in expected} == expected
    assert not {"subtype", "bot_id", "thread_ts"} & set(event)
    (body,) = heard.bodies
    assert body["team_id"] == ada.team_id
    assert body["api_app_id"] == simulated_slack.world.app.id
    assert body["authorizations"][0]["user_id"] == simulated_slack.bot_user_id
    assert body["event_id"].startswith("Ev")


async def test_each_kind_of_conversation_has_its_channel_type(
    simulated_slack: SimulatedSlack,
) -> None:
    """`channel`, `group`, `im`, `mpim`; a mention in direct messages is a message alone."""
    simulated_slack.add_channel("trio", kind=ChannelKind.MPIM, members=["ada", "grace"])
    async with connected(simulated_slack) as heard:
        for channel in ("general", "lab", "@ada", "trio"):
            simulated_slack.say("hi", channel=channel)
        events = await _heard(simulated_slack, heard, 4)
        assert [each["channel_type"] for each in events] == ["channel", "group", "im", "mpim"]
        simulated_slack.say("hi", channel="@ada", mention=True)
        events = await _heard(simulated_slack, heard, 1)
        assert [each["type"] for each in events] == ["message"]


async def test_a_bot_hears_nothing_where_it_is_not(simulated_slack: SimulatedSlack) -> None:
    """Not even that it is mentioned; after an invitation it does."""
    async with connected(simulated_slack) as heard:
        simulated_slack.say("hello?", channel="lounge", mention=True)
        simulated_slack.invite_bot("lounge")
        joined, line = await _heard(simulated_slack, heard, 2)
        assert joined["type"] == "member_joined_channel"
        assert joined["user"] == simulated_slack.bot_user_id
        assert (line["type"], line["subtype"]) == ("message", "channel_join")
        simulated_slack.say("hello!", channel="lounge", mention=True)
        events = await _heard(simulated_slack, heard, 2)
        assert {each["type"] for each in events} == {"app_mention", "message"}
        simulated_slack.remove_bot("lounge")
        (left,) = await _heard(simulated_slack, heard, 1)
        assert left["type"] == "channel_left"
        simulated_slack.say("gone?", channel="lounge", mention=True)
    assert len(simulated_slack.deliveries) == 5


async def test_an_app_hears_what_it_is_subscribed_to(simulated_slack: SimulatedSlack) -> None:
    """Without `message.channels` only mentions come from channels, and direct messages all the same."""
    simulated_slack.unsubscribe(["message.channels", "agent_session_stopped"])
    async with connected(simulated_slack) as heard, web_client(simulated_slack) as client:
        simulated_slack.say("not for you")
        said = simulated_slack.say("for you", mention=True)
        simulated_slack.say("hello", channel="@ada")
        events = await _heard(simulated_slack, heard, 2)
        status = await client.agents_sessions_setStatus(
            channel_id=said.channel_id, thread_ts=said.ts, status="processing"
        )
    assert [each["type"] for each in events] == ["app_mention", "message"]
    assert status["warning"] == "missing_agent_session_stopped_event_subscription"


async def test_threads_and_broadcasts_name_their_beginning(
    simulated_slack: SimulatedSlack,
) -> None:
    """A reply has `thread_ts` and its parent's author; a broadcast the parent itself."""
    async with connected(simulated_slack) as heard:
        root = simulated_slack.say("root", by="grace")
        simulated_slack.say("reply", thread_ts=root.ts)
        simulated_slack.say("loud", thread_ts=root.ts, broadcast=True)
        _, reply, loud = await _heard(simulated_slack, heard, 3)
    assert (reply["thread_ts"], reply["parent_user_id"]) == (root.ts, root.user_id)
    assert "subtype" not in reply
    assert (loud["subtype"], loud["root"]["ts"]) == ("thread_broadcast", root.ts)


async def test_edits_deletions_and_previews_are_hidden_changes(
    simulated_slack: SimulatedSlack,
) -> None:
    """An edit says `edited`, a preview does not; a deletion tells what was there."""
    async with connected(simulated_slack) as heard:
        said = simulated_slack.say("see https://example.org")
        simulated_slack.unfurl(said, "https://example.org")
        simulated_slack.edit(said, "never mind")
        simulated_slack.delete(said)
        _, preview, edit, deletion = await _heard(simulated_slack, heard, 4)
    assert {each["subtype"] for each in (preview, edit)} == {"message_changed"}
    assert all(each["hidden"] for each in (preview, edit, deletion))
    assert preview["message"]["text"] == preview["previous_message"]["text"]
    assert preview["message"]["attachments"]
    assert "edited" not in preview["message"]
    assert (edit["message"]["text"], edit["message"]["edited"]["user"]) == (
        "never mind",
        said.user_id,
    )
    assert edit["ts"] != said.ts
    assert (deletion["subtype"], deletion["deleted_ts"]) == ("message_deleted", said.ts)
    assert deletion["previous_message"]["text"] == "never mind"


async def test_an_edit_that_mentions_the_bot_is_a_mention(simulated_slack: SimulatedSlack) -> None:
    """Once: the `app_mention` carries `edited`, and a second edit makes no other."""
    async with connected(simulated_slack) as heard:
        said = simulated_slack.say("hello")
        simulated_slack.edit(said, "hello @parley")
        simulated_slack.edit(said, "hello @parley!")
        events = await _heard(simulated_slack, heard, 4)
    (mention,) = (each for each in events if each["type"] == "app_mention")
    assert (mention["ts"], mention["edited"]["user"]) == (said.ts, said.user_id)


async def test_a_deleted_beginning_becomes_a_tombstone(simulated_slack: SimulatedSlack) -> None:
    """`message_changed` to a tombstone, as long as there are replies."""
    async with connected(simulated_slack) as heard:
        root = simulated_slack.say("root")
        simulated_slack.say("reply", thread_ts=root.ts)
        simulated_slack.delete(root)
        event = (await _heard(simulated_slack, heard, 3))[-1]
    assert event["subtype"] == "message_changed"
    assert event["message"]["subtype"] == "tombstone"


async def test_other_bots_say_that_they_are(simulated_slack: SimulatedSlack) -> None:
    """Subtype `bot_message`, a `bot_id` that is not ours, and mentions all the same."""
    async with connected(simulated_slack) as heard:
        simulated_slack.bot_says("beep", mention=True)
        events = await _heard(simulated_slack, heard, 2)
    assert all(each["bot_id"] == "B0ANOTHER1" for each in events)
    (message,) = (each for each in events if each["type"] == "message")
    assert message["subtype"] == "bot_message"


async def test_a_file_alone_is_a_message(simulated_slack: SimulatedSlack) -> None:
    """Subtype `file_share` with empty text; a mention with a file is both events."""
    async with connected(simulated_slack) as heard:
        simulated_slack.say("", files=[Upload("a.png", b"x", "image/png")])
        (event,) = await _heard(simulated_slack, heard, 1)
        assert (event["subtype"], event["text"]) == ("file_share", "")
        assert "blocks" not in event
        simulated_slack.say("look", mention=True, files=[Upload("a.png", b"x", "image/png")])
        events = await _heard(simulated_slack, heard, 2)
        assert all(each["files"][0]["name"] == "a.png" for each in events)


async def test_people_of_other_workspaces_speak_in_shared_channels(
    simulated_slack: SimulatedSlack,
) -> None:
    """Slack Connect: the event is for our workspace and says where its author is from."""
    other = simulated_slack.add_workspace("Other")
    simulated_slack.uninstall(workspace="other")
    olga = simulated_slack.add_user("olga", workspace="other")
    simulated_slack.add_channel("shared", shared_with=["other"])
    async with connected(simulated_slack) as heard:
        simulated_slack.say("hello from afar", by="olga", channel="shared")
        await simulated_slack.until(lambda: heard.of_type("message"), what="the message")
    (event,) = heard.of_type("message")
    assert event["team"] == event["user_team"] == event["source_team"] == other.team_id
    body = next(each for each in heard.bodies if each["event"] is event)
    assert body["team_id"] == simulated_slack.world.workspace().id
    assert body["is_ext_shared_channel"] is True
    async with web_client(simulated_slack) as client:
        assert (await client.users_info(user=olga.id))["user"]["is_stranger"] is True


async def test_what_happens_around_messages_is_told_too(simulated_slack: SimulatedSlack) -> None:
    """Reactions, joining, archiving, the home, the assistant."""
    async with connected(simulated_slack) as heard:
        said = simulated_slack.say("hello")
        simulated_slack.react(said, "eyes", by="grace")
        simulated_slack.open_home(by="grace", tab="messages")
        thread_ts = simulated_slack.start_assistant_thread(by="linus")
        simulated_slack.join("random", "marie")
        simulated_slack.archive("random", by="ada")
        events = await _heard(simulated_slack, heard, 7)
    _, reaction, home, assistant, joined, line, archived = events
    assert (reaction["type"], reaction["item"]["ts"]) == ("reaction_added", said.ts)
    assert (home["type"], home["tab"]) == ("app_home_opened", "messages")
    assert home["channel"] == simulated_slack.world.channel("@grace").id
    assert assistant["assistant_thread"]["thread_ts"] == thread_ts
    assert joined["user"] == line["user"] == simulated_slack.world.user("marie").id
    assert archived["type"] == "channel_archive"


async def test_a_revoked_token_is_told_and_works_no_more(simulated_slack: SimulatedSlack) -> None:
    """`tokens_revoked`; `app_uninstalled` beside it when the app is taken away; then silence."""
    async with connected(simulated_slack) as heard, web_client(simulated_slack) as client:
        simulated_slack.revoke()
        (revoked,) = await _heard(simulated_slack, heard, 1)
        assert revoked["tokens"]["bot"] == [simulated_slack.bot_user_id]
        with pytest.raises(SlackApiError, match="token_revoked"):
            await client.auth_test()
        simulated_slack.reinstall()
        simulated_slack.uninstall()
        events = await _heard(simulated_slack, heard, 2)
        assert {each["type"] for each in events} == {"tokens_revoked", "app_uninstalled"}
        simulated_slack.say("anybody?")
        assert len(simulated_slack.deliveries) == 3


@pytest.mark.filterwarnings("ignore:BasicAuth is deprecated")  # slack_sdk uses it
async def test_an_app_is_installed_by_a_code(simulated_slack: SimulatedSlack) -> None:
    """`oauth.v2.access` gives the token for it, once, to whoever knows the client's secret."""
    other = simulated_slack.add_workspace("Other")
    simulated_slack.add_user("olga", workspace="other")
    code, app = simulated_slack.oauth_code(workspace="other"), simulated_slack.world.app
    async with web_client(simulated_slack, token="") as client:
        with pytest.raises(SlackApiError, match="bad_client_secret"):
            await client.oauth_v2_access(client_id=app.client_id, client_secret="x", code=code)
        secrets = {"client_id": app.client_id, "client_secret": app.client_secret}
        installed = await client.oauth_v2_access(**secrets, code=code)
        assert installed["access_token"] == other.bot_token
        assert installed["team"] == {"id": other.team_id, "name": "Other"}
        with pytest.raises(SlackApiError, match="invalid_code"):
            await client.oauth_v2_access(**secrets, code=code)
    async with web_client(simulated_slack, token=other.bot_token) as client:
        assert (await client.auth_revoke())["revoked"] is True
        with pytest.raises(SlackApiError, match="token_revoked"):
            await client.auth_test()
