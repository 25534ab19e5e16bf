"""Streaming with the SDK's own helper and with the bare methods: what is written, and how it ends."""

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.models.messages.chunk import MarkdownTextChunk, TaskUpdateChunk
from slack_sdk.web.async_client import AsyncWebClient

from bot.vocabulary import ManualClock
from sandbox.slack import Change, Message, SimulatedSlack, StreamState
from tests.contract.slack_clients import connected, slack_client, web_client

__all__ = ["slack_client"]


@pytest.fixture
async def asked(simulated_slack: SimulatedSlack) -> Message:
    """A question in a channel, to be answered in its thread."""
    return simulated_slack.say("a question", mention=True)


def _place(slack: SimulatedSlack, asked: Message) -> dict[str, Any]:
    return {
        "channel": asked.channel_id,
        "thread_ts": asked.ts,
        "recipient_team_id": asked.team_id,
        "recipient_user_id": asked.user_id,
    }


def _answer(slack: SimulatedSlack, asked: Message) -> Message:
    return slack.messages(asked.channel_id, asked.ts)[-1]


async def test_the_sdks_helper_writes_a_message_bit_by_bit(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, asked: Message
) -> None:
    """Started, appended to, stopped with blocks below: people see it grow."""
    stream = await slack_client.chat_stream(**_place(simulated_slack, asked), buffer_size=1)
    await stream.append(markdown_text="**Hello")
    shown = simulated_slack.visible(thread_ts=asked.ts)[-1]
    assert (shown.text, shown.streaming) == ("**Hello", True)
    await stream.append(markdown_text=" world**")
    button = {"type": "button", "action_id": "good", "text": {"type": "plain_text", "text": "Good"}}
    await stream.stop(
        markdown_text="!",
        blocks=[{"type": "actions", "elements": [button]}],
        metadata={"event_type": "parley", "event_payload": {"mark": "m1"}},
    )
    shown = simulated_slack.visible(thread_ts=asked.ts)[-1]
    assert (shown.text, shown.streaming) == ("**Hello world**!", False)
    assert [each.label for each in shown.buttons] == ["Good"]
    answer = _answer(simulated_slack, asked)
    assert simulated_slack.history_of(answer) == (
        "**Hello",
        "**Hello world**",
        "**Hello world**!",
    )
    assert answer.versions[-1].change is Change.STOPPED
    found = await slack_client.conversations_replies(
        channel=asked.channel_id, ts=asked.ts, include_all_metadata=True
    )
    assert found["messages"][1]["metadata"]["event_payload"] == {"mark": "m1"}
    assert found["messages"][1]["text"] == "**Hello world**!"


async def test_chunks_of_every_kind_are_taken(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, asked: Message
) -> None:
    """Text adds up, tasks are no text, unknown kinds are refused."""
    started = await slack_client.chat_startStream(
        **_place(simulated_slack, asked),
        chunks=[
            MarkdownTextChunk(text="one "),
            TaskUpdateChunk(id="1", title="Searching", status="in_progress"),
        ],
    )
    where = {"channel": asked.channel_id, "ts": started["ts"]}
    await slack_client.chat_appendStream(**where, chunks=[MarkdownTextChunk(text="two")])
    assert simulated_slack.visible(thread_ts=asked.ts)[-1].text == "one two"
    with pytest.raises(SlackApiError, match="invalid_chunks"):
        await slack_client.chat_appendStream(**where, chunks=[{"type": "dance"}])


async def test_a_stream_outside_direct_messages_names_its_reader(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, asked: Message
) -> None:
    """In a channel both ids are needed, in direct messages none."""
    for name in ("recipient_team_id", "recipient_user_id"):
        place = {key: value for key, value in _place(simulated_slack, asked).items() if key != name}
        with pytest.raises(SlackApiError, match=f"missing_{name}"):
            await slack_client.chat_startStream(**place)
    direct = simulated_slack.say("hi", channel="@ada")
    await slack_client.chat_startStream(
        channel=direct.channel_id, thread_ts=direct.ts, markdown_text="hello"
    )
    with pytest.raises(SlackApiError, match="invalid_arguments"):
        await slack_client.chat_startStream(channel=direct.channel_id, thread_ts="")


async def test_one_append_is_limited(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, asked: Message
) -> None:
    """12,000 characters at a time, of text and chunks alike."""
    started = await slack_client.chat_startStream(**_place(simulated_slack, asked))
    where = {"channel": asked.channel_id, "ts": started["ts"]}
    await slack_client.chat_appendStream(**where, markdown_text="x" * 12_000)
    with pytest.raises(SlackApiError, match="msg_too_long"):
        await slack_client.chat_appendStream(**where, markdown_text="x" * 12_001)
    with pytest.raises(SlackApiError, match="msg_too_long"):
        await slack_client.chat_appendStream(
            **where, chunks=[MarkdownTextChunk(text="x" * 6_001)] * 2
        )
    with pytest.raises(SlackApiError, match="no_text"):
        await slack_client.chat_appendStream(**where, markdown_text="")


async def test_a_stream_dies_of_old_age_and_an_update_recovers_it() -> None:
    """After five minutes append and stop are refused; `chat.update` still works, as long as it is
    short enough."""
    clock = ManualClock()
    async with SimulatedSlack(clock=clock) as slack, web_client(slack) as client:
        asked = slack.say("a question", channel="@ada")
        started = await client.chat_startStream(
            channel=asked.channel_id, thread_ts=asked.ts, markdown_text="half"
        )
        where = {"channel": asked.channel_id, "ts": started["ts"]}
        with pytest.raises(SlackApiError, match="streaming_state_conflict"):
            await client.chat_update(**where, text="whole")
        await clock.advance(299)
        await client.chat_appendStream(**where, markdown_text=" a")
        await clock.advance(1)
        for attempt in (client.chat_appendStream, client.chat_stopStream):
            with pytest.raises(SlackApiError, match="message_not_in_streaming_state"):
                await attempt(**where, markdown_text=" word")
        assert slack.messages("@ada")[-1].stream is StreamState.EXPIRED
        await client.chat_update(**where, text="whole")
        assert slack.visible("@ada")[-1].text == "whole"


async def test_a_stream_is_stopped_once_and_only_by_its_owner(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, asked: Message
) -> None:
    """Neither a stopped stream nor somebody else's message can be written to."""
    started = await slack_client.chat_startStream(**_place(simulated_slack, asked))
    where = {"channel": asked.channel_id, "ts": started["ts"]}
    await slack_client.chat_stopStream(**where, markdown_text="done")
    with pytest.raises(SlackApiError, match="message_not_in_streaming_state"):
        await slack_client.chat_stopStream(**where)
    with pytest.raises(SlackApiError, match="message_not_owned_by_app"):
        await slack_client.chat_appendStream(
            channel=asked.channel_id, ts=asked.ts, markdown_text="x"
        )


async def test_people_can_stop_the_agent(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, asked: Message
) -> None:
    """The stream ends, the app is told which, and its session stays as it was until it says so."""
    async with connected(simulated_slack) as heard:
        await slack_client.agents_sessions_setStatus(
            channel_id=asked.channel_id, thread_ts=asked.ts, status="processing"
        )
        started = await slack_client.chat_startStream(
            **_place(simulated_slack, asked), markdown_text="On and on"
        )
        simulated_slack.stop_agent("general", asked.ts)
        await simulated_slack.until(
            lambda: heard.of_type("agent_session_stopped"), what="the event"
        )
        where = {"channel": asked.channel_id, "ts": started["ts"]}
        with pytest.raises(SlackApiError, match="stopped_by_user"):
            await slack_client.chat_appendStream(**where, markdown_text="x")
    (event,) = heard.of_type("agent_session_stopped")
    assert event["streaming_message_ts"] == [started["ts"]]
    assert (event["thread_ts"], event["user"]) == (asked.ts, asked.user_id)
    assert simulated_slack.status("general", asked.ts).session == "processing"
    await slack_client.agents_sessions_setStatus(
        channel_id=asked.channel_id, thread_ts=asked.ts, status="active"
    )
    assert simulated_slack.status("general", asked.ts).session == "active"


async def test_a_workspace_can_be_without_streams(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, asked: Message
) -> None:
    """Starting one is refused; posting works."""
    simulated_slack.set_streaming(False)
    with pytest.raises(SlackApiError, match="feature_not_enabled"):
        await slack_client.chat_startStream(**_place(simulated_slack, asked))
    await slack_client.chat_postMessage(channel=asked.channel_id, text="x", thread_ts=asked.ts)


async def test_a_status_goes_with_the_next_message(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, asked: Message
) -> None:
    """It is shown below the thread until the app says something, or two minutes have passed."""
    thread: dict[str, Any] = {"channel_id": asked.channel_id, "thread_ts": asked.ts}
    await slack_client.assistant_threads_setStatus(**thread, status="is thinking…")
    assert simulated_slack.status("general", asked.ts).text == "is thinking…"
    await slack_client.chat_postMessage(channel=asked.channel_id, text="x", thread_ts=asked.ts)
    assert simulated_slack.status("general", asked.ts).text == ""
    await slack_client.assistant_threads_setStatus(**thread, status="is writing…")
    await slack_client.chat_startStream(**_place(simulated_slack, asked))
    assert [each.text for each in simulated_slack.statuses] == [
        "is thinking…",
        "",
        "is writing…",
        "",
    ]
    await slack_client.assistant_threads_setTitle(**thread, title="Questions")
    prompts = [{"title": "More", "message": "Tell me more"}]
    await slack_client.assistant_threads_setSuggestedPrompts(**thread, prompts=prompts)
    status = simulated_slack.status("general", asked.ts)
    assert (status.title, status.prompts) == ("Questions", tuple(prompts))
    with pytest.raises(SlackApiError, match="invalid_arguments"):
        await slack_client.assistant_threads_setStatus(
            **thread, status="x", loading_messages=["…"] * 11
        )


async def test_a_status_ends_by_itself() -> None:
    """After two minutes."""
    clock = ManualClock()
    async with SimulatedSlack(clock=clock) as slack, web_client(slack) as client:
        asked = slack.say("a question", channel="@ada")
        await client.assistant_threads_setStatus(
            channel_id=asked.channel_id, thread_ts=asked.ts, status="is thinking…"
        )
        await clock.advance(121)
        assert slack.status("@ada", asked.ts).text == ""
