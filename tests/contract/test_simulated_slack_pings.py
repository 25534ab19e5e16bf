"""Whom messages notify, and what mentions look like, wherever they stand."""

from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import SimulatedSlack
from tests.contract.slack_clients import slack_client

__all__ = ["slack_client"]


def _targets(slack: SimulatedSlack) -> list[str]:
    return [ping.target for ping in slack.pings]


@pytest.mark.parametrize(
    ("arguments", "targets"),
    [
        ({"text": "<!channel> <!here|here> <!everyone>"}, ["channel", "everyone", "here"]),
        ({"text": "<@U0ADA00001> <@U0GRACE001|grace>"}, ["U0ADA00001", "U0GRACE001"]),
        ({"text": "<!subteam^S0TEAM0001|@team>"}, ["S0TEAM0001"]),
        ({"text": "`<!here>`"}, ["here"]),
        ({"text": "&lt;!here&gt; @here @channel ada"}, []),
        ({"text": "@here, @everyone!", "link_names": True}, ["everyone", "here"]),
        ({"text": "@channel", "parse": "full"}, ["channel"]),
        ({"text": "me@here.org", "parse": "full"}, []),
        ({"text": "x", "blocks": [{"type": "markdown", "text": "hi <!here>"}]}, ["here"]),
        (
            {
                "text": "x",
                "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "<!here>"}}],
            },
            ["here"],
        ),
        (
            {
                "text": "x",
                "blocks": [
                    {
                        "type": "rich_text",
                        "elements": [
                            {
                                "type": "rich_text_section",
                                "elements": [
                                    {"type": "broadcast", "range": "channel"},
                                    {"type": "user", "user_id": "U0ADA00001"},
                                    {"type": "text", "text": "<!here>"},
                                ],
                            }
                        ],
                    }
                ],
            },
            ["U0ADA00001", "channel"],
        ),
        ({"text": "x", "attachments": [{"text": "<!here>", "fallback": "x"}]}, ["here"]),
        ({"text": "<!date^1^{date}|then> <https://example.org|@here>"}, []),
    ],
)
async def test_mentions_notify_wherever_slack_looks_for_them(
    simulated_slack: SimulatedSlack,
    slack_client: AsyncWebClient,
    arguments: dict[str, Any],
    targets: list[str],
) -> None:
    """In text, blocks and attachments; literal names only where they are asked to be linked."""
    channel = simulated_slack.world.channel("general").id
    await slack_client.chat_postMessage(channel=channel, **arguments)
    assert _targets(simulated_slack) == targets


async def test_streams_edits_and_ephemeral_messages_count_too(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient
) -> None:
    """Each version, also when it is gone again; what people write does not."""
    asked = simulated_slack.say("@grace @here look", channel="@ada")
    started = await slack_client.chat_startStream(
        channel=asked.channel_id, thread_ts=asked.ts, markdown_text="hello <!he"
    )
    where: dict[str, Any] = {"channel": asked.channel_id, "ts": started["ts"]}
    assert _targets(simulated_slack) == []
    await slack_client.chat_appendStream(**where, markdown_text="re>")
    await slack_client.chat_stopStream(**where)
    await slack_client.chat_update(**where, text="<!everyone>")
    await slack_client.chat_delete(**where)
    await slack_client.chat_postEphemeral(
        channel=asked.channel_id, user=asked.user_id, text="<!channel>"
    )
    assert [(ping.version, ping.target) for ping in simulated_slack.pings] == [
        (1, "here"),
        (3, "everyone"),
        (0, "channel"),
    ]


async def test_what_is_typed_is_escaped_and_what_is_shown_is_not(
    simulated_slack: SimulatedSlack,
) -> None:
    """People read what was typed, with names instead of ids."""
    said = simulated_slack.say("1 < 2 && <@U0GRACE001> or @linus? see #general @here")
    assert said.text == "1 &lt; 2 &amp;&amp; <@U0GRACE001> or <@U0LINUS001>? see #general <!here>"
    assert simulated_slack.text_of(said) == "1 < 2 && @Grace or @Linus? see #general @here"
