"""Posting, editing and deleting with the real client: what is shown, and what is refused."""

import json
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.models.blocks import MarkdownBlock, SectionBlock
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import Change, ChannelKind, SimulatedSlack
from tests.contract.slack_clients import connected, slack_client, web_client

__all__ = ["slack_client"]


@pytest.fixture
def channel(simulated_slack: SimulatedSlack) -> str:
    """The id of `#general`."""
    return simulated_slack.world.channel("general").id


async def test_a_post_an_edit_and_a_deletion_are_all_remembered(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, channel: str
) -> None:
    """People see the last text; the history keeps every text and when it came."""
    posted = await slack_client.chat_postMessage(channel=channel, text="*hi* &lt;you&gt;")
    assert [each.text for each in simulated_slack.visible()] == ["*hi* <you>"]
    await slack_client.chat_update(channel=channel, ts=posted["ts"], text="bye")
    (shown,) = simulated_slack.visible()
    assert (shown.text, shown.edited, shown.by_app) == ("bye", True, True)
    (message,) = simulated_slack.messages()
    assert [version.change for version in message.versions] == [Change.POSTED, Change.EDITED]
    assert simulated_slack.history_of(message) == ("*hi* <you>", "bye")
    await slack_client.chat_delete(channel=channel, ts=posted["ts"])
    assert simulated_slack.visible() == ()
    assert simulated_slack.messages()[0].deleted_at is not None


async def test_the_same_request_twice_posts_twice(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, channel: str
) -> None:
    """Slack knows no idempotency: not even `client_msg_id` makes one message of two."""
    for _ in range(2):
        await slack_client.chat_postMessage(channel=channel, text="hi", client_msg_id="1")
    assert len(simulated_slack.visible()) == 2


async def test_blocks_are_shown_instead_of_the_text(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, channel: str
) -> None:
    """Markdown as its source, sections with their links and names resolved."""
    ada = simulated_slack.world.user("ada")
    await slack_client.chat_postMessage(
        channel=channel,
        text="a fallback",
        blocks=[
            MarkdownBlock(text="# Title\n`<x>` &lt;y> **bold**"),
            SectionBlock(text=f"see <https://example.org|this>, <@{ada.id}> &amp; <#{channel}>"),
        ],
    )
    (shown,) = simulated_slack.visible()
    assert shown.text == "# Title\n`<x>` <y> **bold**\nsee this, @Ada & #general"


async def test_markdown_text_is_a_markdown_message(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, channel: str
) -> None:
    """`markdown_text` stands alone, and is limited to 12,000 characters."""
    await slack_client.chat_postMessage(channel=channel, markdown_text="**bold**")
    assert simulated_slack.visible()[0].text == "**bold**"
    with pytest.raises(SlackApiError, match="markdown_text_conflict"):
        await slack_client.chat_postMessage(channel=channel, markdown_text="x", text="y")
    with pytest.raises(SlackApiError, match="msg_too_long"):
        await slack_client.chat_postMessage(channel=channel, markdown_text="x" * 12_001)


async def test_long_text_is_cut_when_posted_and_refused_when_updated(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, channel: str
) -> None:
    """40,000 characters and 4,000."""
    posted = await slack_client.chat_postMessage(channel=channel, text="x" * 40_001)
    assert len(simulated_slack.visible()[0].text) == 40_000
    with pytest.raises(SlackApiError, match="msg_too_long"):
        await slack_client.chat_update(channel=channel, ts=posted["ts"], text="x" * 4_001)
    await slack_client.chat_update(channel=channel, ts=posted["ts"], text="x" * 4_000)


@pytest.mark.parametrize(
    ("blocks", "error"),
    [
        ([{"type": "markdown", "text": "x" * 12_000}], None),
        ([{"type": "markdown", "text": "x" * 12_001}], "msg_blocks_too_long"),
        ([{"type": "markdown", "text": "x" * 6_001}] * 2, "msg_blocks_too_long"),
        ([{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3_000}}] * 4, None),
        (
            [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3_000}}] * 5,
            "msg_blocks_too_long",
        ),
        ([{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3_001}}], "invalid_blocks"),
        ([{"type": "divider"}] * 50, None),
        ([{"type": "divider"}] * 51, "invalid_blocks"),
        ([{"type": "hologram"}], "invalid_blocks"),
        ([{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}], "invalid_blocks"),
        ([{"type": "actions", "elements": []}], "invalid_blocks"),
        (["not a block"], "invalid_blocks_format"),
    ],
)
async def test_blocks_have_limits(
    slack_client: AsyncWebClient, channel: str, blocks: list[Any], error: str | None
) -> None:
    """As documented for each kind, and for all of a message."""
    posting = slack_client.chat_postMessage(channel=channel, text="x", blocks=blocks)
    if error is None:
        await posting
        return
    with pytest.raises(SlackApiError) as caught:
        await posting
    assert caught.value.response["error"] == error


async def test_an_update_keeps_what_it_does_not_give(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, channel: str
) -> None:
    """Text alone takes the blocks away and shows "edited"; blocks alone do not."""
    blocks = [{"type": "markdown", "text": "one"}]
    posted = await slack_client.chat_postMessage(channel=channel, text="x", blocks=blocks)
    where: dict[str, Any] = {"channel": channel, "ts": posted["ts"]}
    await slack_client.chat_update(**where, text="x", attachments=[{"fallback": "more"}])
    assert simulated_slack.visible()[0].text == "x\nmore"
    blocks[0]["text"] = "two"
    await slack_client.chat_update(**where, text="x", blocks=blocks, attachments=[])
    (shown,) = simulated_slack.visible()
    assert (shown.text, shown.edited) == ("two", True)
    other = await slack_client.chat_postMessage(channel=channel, text="x", blocks=blocks)
    where["ts"] = other["ts"]
    await slack_client.chat_update(**where, text="y", blocks=blocks)
    assert not simulated_slack.visible()[1].edited
    await slack_client.api_call(
        "chat.update", json={**where, "attachments": [{"fallback": "more"}]}
    )
    assert simulated_slack.visible()[1].text == "two\nmore"


async def test_metadata_is_found_again_only_if_asked_for(
    slack_client: AsyncWebClient, channel: str
) -> None:
    """`include_all_metadata` shows what a post carried; an edit keeps it."""
    metadata = {"event_type": "parley", "event_payload": {"mark": "m1"}}
    root = await slack_client.chat_postMessage(channel=channel, text="x")
    posted = await slack_client.chat_postMessage(
        channel=channel, text="x", thread_ts=root["ts"], metadata=metadata
    )
    await slack_client.chat_update(channel=channel, ts=posted["ts"], text="y")
    without = await slack_client.conversations_replies(channel=channel, ts=root["ts"])
    assert "metadata" not in without["messages"][1]
    found = await slack_client.conversations_replies(
        channel=channel, ts=root["ts"], include_all_metadata=True
    )
    assert found["messages"][1]["metadata"] == metadata
    with pytest.raises(SlackApiError, match="invalid_metadata_format"):
        await slack_client.chat_postMessage(channel=channel, text="x", metadata={"event_type": "x"})


async def test_only_that_person_sees_an_ephemeral_message(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, channel: str
) -> None:
    """It is in no history, can't be changed, and goes only to members."""
    ada = simulated_slack.world.user("ada").id
    posted = await slack_client.chat_postEphemeral(channel=channel, user=ada, text="psst")
    assert [each.text for each in simulated_slack.visible(to="ada")] == ["psst"]
    assert simulated_slack.visible(to="grace") == ()
    assert (await slack_client.conversations_history(channel=channel))["messages"] == []
    with pytest.raises(SlackApiError, match="message_not_found"):
        await slack_client.chat_update(channel=channel, ts=posted["message_ts"], text="x")
    with pytest.raises(SlackApiError, match="user_not_in_channel"):
        await slack_client.chat_postEphemeral(channel=channel, user="U0NOBODY00", text="psst")


async def test_posting_is_refused_where_the_bot_may_not(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, channel: str
) -> None:
    """Unknown, foreign, left and archived channels, each with Slack's own word for it."""
    lounge = simulated_slack.world.channel("lounge").id
    hidden = simulated_slack.add_channel("secret", kind=ChannelKind.PRIVATE, bot=False).id
    for where, error in (
        ("C0NOWHERE0", "channel_not_found"),
        (hidden, "channel_not_found"),
        (lounge, "not_in_channel"),
    ):
        with pytest.raises(SlackApiError, match=error):
            await slack_client.chat_postMessage(channel=where, text="x")
    simulated_slack.archive("general")
    with pytest.raises(SlackApiError, match="is_archived"):
        await slack_client.chat_postMessage(channel=channel, text="x")
    with pytest.raises(SlackApiError, match="no_text"):
        await slack_client.api_call(
            "chat.postMessage", json={"channel": simulated_slack.world.channel("random").id}
        )


async def test_others_messages_can_not_be_changed(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, channel: str
) -> None:
    """Neither people's, nor those that are gone."""
    said = simulated_slack.say("mine")
    with pytest.raises(SlackApiError, match="cant_update_message"):
        await slack_client.chat_update(channel=channel, ts=said.ts, text="x")
    with pytest.raises(SlackApiError, match="cant_delete_message"):
        await slack_client.chat_delete(channel=channel, ts=said.ts)
    with pytest.raises(SlackApiError, match="message_not_found"):
        await slack_client.chat_update(channel=channel, ts="1.000001", text="x")


async def test_a_users_id_stands_for_the_direct_messages_with_them(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient
) -> None:
    """chat.postMessage takes it as a channel, and answers with the real one."""
    ada = simulated_slack.world.user("ada").id
    posted = await slack_client.chat_postMessage(channel=ada, text="hello Ada")
    assert posted["channel"] == simulated_slack.world.channel("@ada").id
    assert [each.text for each in simulated_slack.visible("@ada")] == ["hello Ada"]


async def test_a_permalink_leads_to_the_message(slack_client: AsyncWebClient, channel: str) -> None:
    """With the thread it stands in."""
    root = await slack_client.chat_postMessage(channel=channel, text="x")
    reply = await slack_client.chat_postMessage(channel=channel, text="x", thread_ts=root["ts"])
    link = await slack_client.chat_getPermalink(channel=channel, message_ts=reply["ts"])
    path = f"/archives/{channel}/p{reply['ts'].replace('.', '')}?thread_ts={root['ts']}"
    assert path in link["permalink"]


async def test_forms_and_json_say_the_same(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, channel: str
) -> None:
    """Structures in a form are JSON text."""
    blocks = [{"type": "markdown", "text": "hi"}]
    for arguments in (
        {"json": {"channel": channel, "blocks": blocks}},
        {"data": {"channel": channel, "blocks": json.dumps(blocks)}},
        {"params": {"channel": channel, "blocks": json.dumps(blocks)}},
    ):
        await slack_client.api_call("chat.postMessage", **arguments)
    assert [each.text for each in simulated_slack.visible()] == ["hi"] * 3
    with pytest.raises(SlackApiError, match="invalid_blocks_format"):
        await slack_client.api_call("chat.postMessage", data={"channel": channel, "blocks": "[{"})


async def test_every_call_is_written_down(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, channel: str
) -> None:
    """Method, arguments without the token, answer; unknown methods too."""
    with pytest.raises(SlackApiError, match="unknown_method"):
        await slack_client.api_call("chat.levitate", json={"height": 3})
    (call,) = simulated_slack.requests
    assert (call.method, call.args, call.error) == (
        "chat.levitate",
        {"height": 3},
        "unknown_method",
    )


async def test_tokens_are_checked(simulated_slack: SimulatedSlack) -> None:
    """None, a wrong one, and one of the wrong kind."""
    for token, error in (
        ("", "not_authed"),
        ("xoxb-wrong", "invalid_auth"),
        (simulated_slack.app_token, "not_allowed_token_type"),
    ):
        async with web_client(simulated_slack, token=token) as client:
            with pytest.raises(SlackApiError, match=error):
                await client.auth_test()


async def test_a_missing_scope_is_named(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, channel: str
) -> None:
    """The answer says which was needed and which there are; `x-oauth-scopes` lists them."""
    simulated_slack.set_scopes(["channels:read", "commands"])
    with pytest.raises(SlackApiError) as caught:
        await slack_client.chat_postMessage(channel=channel, text="x")
    assert caught.value.response["error"] == "missing_scope"
    assert caught.value.response["needed"] == "chat:write"
    assert (await slack_client.auth_test()).headers["x-oauth-scopes"] == "channels:read,commands"


async def test_the_bot_hears_itself(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, channel: str
) -> None:
    """Its posts, edits and deletions come back as events that say who did it."""
    async with connected(simulated_slack) as heard:
        posted = await slack_client.chat_postMessage(channel=channel, text="hi")
        await simulated_slack.wait_for_acks(1)
        await slack_client.chat_update(channel=channel, ts=posted["ts"], text="ho")
        await simulated_slack.wait_for_acks(2)
        await slack_client.chat_delete(channel=channel, ts=posted["ts"])
        await simulated_slack.wait_for_acks(3)
    own, changed, deleted = heard.events
    assert (own["user"], own["app_id"]) == (
        simulated_slack.bot_user_id,
        simulated_slack.world.app.id,
    )
    assert own["bot_id"]
    assert "client_msg_id" not in own
    assert (changed["subtype"], changed["message"]["text"]) == ("message_changed", "ho")
    assert (deleted["subtype"], deleted["deleted_ts"]) == ("message_deleted", posted["ts"])
