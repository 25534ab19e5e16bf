"""Missed messages: found within an age, handed in once, and only where they may concern the bot."""

from datetime import timedelta

from bot.vocabulary import MessageReceived
from sandbox.slack import Redelivery
from tests.slack_desk import SlackDesk, slack_desk
from tests.support import wait_until


def texts(desk: SlackDesk) -> list[str]:
    """What was handed in, in order."""
    return [message.text for message in desk.intake.messages]


async def missed(desk: SlackDesk) -> None:
    """Stop the adapter, and let Slack give up at once from now on."""
    await desk.stop()
    desk.slack.redelivery = Redelivery(ack_within_s=0.05, pauses_s=())


async def test_it_begins_where_the_last_process_ended() -> None:
    """Not earlier than a little before, so that a short stop costs little."""
    async with slack_desk() as desk:
        desk.slack.say("before", channel="@ada")
        await wait_until(lambda: "alive" in desk.values.values, what="a sign of life")
        await missed(desk)
        desk.slack.say("meanwhile", channel="@ada")
        await wait_until(lambda: desk.slack.lost == 1, what="Slack to give up")
        await desk.start()
        await wait_until(lambda: "meanwhile" in texts(desk), what="the missed message")
        assert texts(desk) == ["before", "meanwhile"]
        began = [float(call.args["oldest"]) for call in desk.slack.calls("conversations.history")]
        a_while_ago = (desk.clock.now() - timedelta(seconds=200)).timestamp()
        assert began[0] < a_while_ago, "nothing was known of an earlier process"
        assert began[-1] > a_while_ago


async def test_what_is_too_old_is_left_alone() -> None:
    """With an age of nothing, nothing is looked for."""
    async with slack_desk(catch_up_max_age_s=0.0) as desk:
        await missed(desk)
        desk.slack.say("meanwhile", channel="@ada")
        await wait_until(lambda: desk.slack.lost == 1, what="Slack to give up")
        await desk.start()
        desk.slack.say("now", channel="@ada")
        await wait_until(lambda: "now" in texts(desk), what="the new message")
        assert texts(desk) == ["now"]
        assert desk.slack.calls("conversations.history") == ()


async def test_replies_in_known_threads_are_found() -> None:
    """Those of people, in their thread, and nothing that was there before."""
    async with slack_desk() as desk:
        root = desk.slack.say("Hello?", mention=True)
        await wait_until(lambda: desk.intake.messages, what="the first message")
        await missed(desk)
        desk.slack.say("again", thread_ts=root.ts)
        desk.slack.bot_says("a bot", thread_ts=root.ts)
        await wait_until(lambda: desk.slack.lost >= 2, what="Slack to give up")
        await desk.start()
        await wait_until(lambda: "again" in texts(desk), what="the missed reply")
        received = [e for e in desk.intake.events if isinstance(e, MessageReceived)]
        assert {event.message.thread.id for event in received} == {root.ts}
        assert texts(desk) == ["Hello?", "again"]


async def test_a_lost_connection_is_made_up_for() -> None:
    """Slack was away for a while: what was said then is found once it is back."""
    async with slack_desk() as desk:
        await wait_until(lambda: "alive" in desk.values.values, what="a sign of life")
        desk.slack.redelivery = Redelivery(ack_within_s=0.05, pauses_s=())
        desk.adapter._parts.connecting._after_gap(10.0)
        desk.slack.hold_events()
        desk.slack.say("in the gap", channel="@ada")
        await wait_until(lambda: "in the gap" in texts(desk), what="the missed message")


async def test_what_the_database_could_not_take_is_fetched_later() -> None:
    """When Slack has given up sending it."""
    async with slack_desk() as desk:
        await wait_until(lambda: "alive" in desk.values.values, what="a sign of life")
        desk.slack.redelivery = Redelivery(ack_within_s=0.5, pauses_s=())
        desk.intake.refuse()
        desk.slack.say("nobody took it", channel="@ada")
        await wait_until(lambda: desk.slack.lost == 1, what="Slack to give up")
        desk.adapter._parts.connecting._catching_up.set()  # what half a minute would do
        await wait_until(lambda: "nobody took it" in texts(desk), what="the message")
