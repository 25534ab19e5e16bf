"""Bolt's real Socket Mode client hears what happens in the simulated Slack, and loses nothing."""

from sandbox.slack import SimulatedSlack
from tests.contract.slack_clients import connected, web_client
from tests.support import wait_until


async def test_a_mention_comes_as_two_events_of_one_post(simulated_slack: SimulatedSlack) -> None:
    """`app_mention` and `message`, with one `ts` and two event ids."""
    async with connected(simulated_slack) as heard:
        said = simulated_slack.say("hello <&> there", mention=True)
        await wait_until(lambda: len(heard.events) == 2)
    assert {event["ts"] for event in heard.events} == {said.ts}
    assert {event["type"] for event in heard.events} == {"app_mention", "message"}
    assert len({body["event_id"] for body in heard.bodies}) == 2
    text = f"<@{simulated_slack.bot_user_id}> hello &lt;&amp;&gt; there"
    assert {event["text"] for event in heard.events} == {text}


async def test_the_web_client_posts_and_the_post_is_seen(simulated_slack: SimulatedSlack) -> None:
    """Posting, updating and deleting change what people see."""
    async with web_client(simulated_slack) as client:
        who = await client.auth_test()
        assert who["user_id"] == simulated_slack.bot_user_id
        channel = simulated_slack.world.channel("general").id
        posted = await client.chat_postMessage(channel=channel, text="*hi* &lt;you&gt;")
        assert [each.text for each in simulated_slack.visible()] == ["*hi* <you>"]
        await client.chat_update(channel=channel, ts=posted["ts"], text="bye")
        assert [each.text for each in simulated_slack.visible()] == ["bye"]
        await client.chat_delete(channel=channel, ts=posted["ts"])
    assert simulated_slack.visible() == ()
