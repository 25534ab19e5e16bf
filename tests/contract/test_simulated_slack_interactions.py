"""Buttons, commands, shortcuts and modals, through bolt's own listeners."""

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.vocabulary import ManualClock
from sandbox.slack import Redelivery, SimulatedSlack
from tests.contract.slack_clients import connected, web_client
from tests.support import wait_until

ACTIONS = {
    "type": "actions",
    "elements": [
        {
            "type": "button",
            "action_id": "stop",
            "value": "t1",
            "style": "danger",
            "text": {"type": "plain_text", "text": "Stop"},
        }
    ],
}
MODAL = {
    "type": "modal",
    "callback_id": "settings",
    "title": {"type": "plain_text", "text": "Settings"},
    "submit": {"type": "plain_text", "text": "Save"},
    "blocks": [
        {
            "type": "input",
            "block_id": "b",
            "label": {"type": "plain_text", "text": "Name"},
            "element": {"type": "plain_text_input", "action_id": "a"},
        }
    ],
}


async def _with_button(slack: SimulatedSlack, thread_ts: str | None = None) -> str:
    async with web_client(slack) as client:
        posted = await client.chat_postMessage(
            channel=slack.world.channel("general").id,
            text="working",
            thread_ts=thread_ts,
            blocks=[{"type": "markdown", "text": "working"}, ACTIONS],
        )
    return f"{posted['channel']}/{posted['ts']}"


async def test_a_press_says_what_was_pressed_where_and_by_whom(
    simulated_slack: SimulatedSlack,
) -> None:
    """By the button's label, id or value; what does not exist can't be pressed."""
    pressed: list[dict[str, Any]] = []
    async with connected(simulated_slack) as heard:

        @heard.app.action("stop")
        async def stop(ack: Any, body: dict[str, Any]) -> None:
            await ack()
            pressed.append(body)

        root = simulated_slack.say("go")
        key = await _with_button(simulated_slack, root.ts)
        for name in ("Stop", "stop", "t1"):
            simulated_slack.press(key, name, by="grace")
        await wait_until(lambda: len(pressed) == 3)
        with pytest.raises(ValueError, match="no button 'Go'"):
            simulated_slack.press(key, "Go")
        simulated_slack.delete(key)
        with pytest.raises(ValueError, match="was deleted"):
            simulated_slack.press(key, "Stop")
    body = pressed[0]
    assert body["user"]["id"] == simulated_slack.world.user("grace").id
    assert f"{body['channel']['id']}/{body['container']['message_ts']}" == key
    assert body["container"]["thread_ts"] == root.ts
    assert body["actions"][0]["value"] == "t1"
    assert body["message"]["text"] == "working"


async def test_an_ephemeral_message_has_buttons_too(simulated_slack: SimulatedSlack) -> None:
    """Slack does not say what stood there, but its `response_url` can replace it."""
    pressed: list[dict[str, Any]] = []
    async with connected(simulated_slack) as heard, web_client(simulated_slack) as client:

        @heard.app.action("stop")
        async def stop(ack: Any, body: dict[str, Any], respond: Any) -> None:
            await ack()
            await respond(text="stopped", replace_original=True)
            pressed.append(body)

        ada = simulated_slack.world.user("ada").id
        general = simulated_slack.world.channel("general").id
        await client.chat_postEphemeral(channel=general, user=ada, text="stop?", blocks=[ACTIONS])
        simulated_slack.press(simulated_slack.messages()[0], "Stop")
        await wait_until(lambda: bool(pressed))
    assert pressed[0]["container"]["is_ephemeral"] is True
    assert "message" not in pressed[0]
    assert [each.text for each in simulated_slack.visible(to="ada")] == ["stopped"]
    assert simulated_slack.visible(to="grace") == ()


async def test_a_home_has_buttons_too(simulated_slack: SimulatedSlack) -> None:
    """The press says in which view, for whoever sees it."""
    pressed: list[dict[str, Any]] = []
    async with connected(simulated_slack) as heard, web_client(simulated_slack) as client:

        @heard.app.action("stop")
        async def stop(ack: Any, body: dict[str, Any]) -> None:
            await ack()
            pressed.append(body)

        grace = simulated_slack.world.user("grace").id
        home = {"type": "home", "blocks": [ACTIONS]}
        view = (await client.views_publish(user_id=grace, view=home))["view"]
        simulated_slack.press_in_view(view["id"], "Stop")
        await wait_until(lambda: bool(pressed))
    assert (pressed[0]["view"]["id"], pressed[0]["user"]["id"]) == (view["id"], grace)


async def test_a_response_url_changes_the_message_or_adds_another(
    simulated_slack: SimulatedSlack,
) -> None:
    """With the SDK's webhook client: replace, ephemeral, in the channel, delete; five times."""
    urls: list[str] = []
    async with connected(simulated_slack) as heard:

        @heard.app.action("stop")
        async def stop(ack: Any, body: dict[str, Any]) -> None:
            await ack()
            urls.append(body["response_url"])

        key = await _with_button(simulated_slack)
        simulated_slack.press(key, "Stop", by="grace")
        await wait_until(lambda: bool(urls))
    hook = AsyncWebhookClient(urls[0])
    await hook.send(text="stopped", replace_original=True)
    assert [each.text for each in simulated_slack.visible()] == ["stopped"]
    await hook.send(text="only you")
    assert [each.text for each in simulated_slack.visible(to="ada")] == ["stopped"]
    assert [each.text for each in simulated_slack.visible(to="grace")] == ["stopped", "only you"]
    await hook.send(text="everybody", response_type="in_channel")
    assert [each.text for each in simulated_slack.visible(to="ada")] == ["stopped", "everybody"]
    await hook.send(text="x", delete_original=True)
    assert [each.text for each in simulated_slack.visible(to="ada")] == ["everybody"]
    await hook.send(text="five")
    assert (await hook.send(text="six")).status_code == 404


async def test_a_command_is_answered_to_that_person(simulated_slack: SimulatedSlack) -> None:
    """What the acknowledgement carries is ephemeral; the payload has what Slack sends."""
    said: list[dict[str, Any]] = []
    async with connected(simulated_slack) as heard:

        @heard.app.command("/parley")
        async def command(ack: Any, body: dict[str, Any]) -> None:
            said.append(body)
            await ack(text="Your *usage*", response_type="ephemeral")

        simulated_slack.slash("/parley", "usage", by="linus", channel="random")
        await simulated_slack.until(
            lambda: simulated_slack.visible("random", to="linus"), what="an answer"
        )
        simulated_slack.slash("/parley", channel="@grace")
        await simulated_slack.until(lambda: simulated_slack.visible("@grace"), what="an answer")
    assert simulated_slack.visible("random", to="ada") == ()
    first, second = said
    assert (first["command"], first["text"]) == ("/parley", "usage")
    assert first["channel_id"] == simulated_slack.world.channel("random").id
    assert (second["channel_name"], second["user_id"]) == (
        "directmessage",
        simulated_slack.world.user("grace").id,
    )


async def test_an_unanswered_command_is_not_repeated(simulated_slack: SimulatedSlack) -> None:
    """A person waits: Slack says that it failed, and does not try again."""
    async with connected(simulated_slack):
        simulated_slack.redelivery = Redelivery(ack_within_s=0.2)
        simulated_slack.slash("/nobody", "x")
        await simulated_slack.until(lambda: simulated_slack.lost == 1, what="the loss")
    assert simulated_slack.deliveries[0].attempts == 1


async def test_a_modal_is_opened_filled_in_and_closed(simulated_slack: SimulatedSlack) -> None:
    """A shortcut gives the trigger, the modal shows, its values come back, an empty ack closes it."""
    values: list[Any] = []
    async with connected(simulated_slack) as heard:

        @heard.app.shortcut("open_settings")
        async def shortcut(ack: Any, body: dict[str, Any], client: Any) -> None:
            await ack()
            await client.views_open(trigger_id=body["trigger_id"], view=MODAL)

        @heard.app.view("settings")
        async def submitted(ack: Any, view: dict[str, Any]) -> None:
            values.append(view["state"]["values"]["b"]["a"]["value"])
            if values[-1] == "":
                await ack(response_action="errors", errors={"b": "Say something"})
            else:
                await ack()

        simulated_slack.shortcut("open_settings", by="grace")
        await simulated_slack.until(lambda: simulated_slack.views, what="a modal")
        (view,) = simulated_slack.views
        simulated_slack.submit_view(view["id"], {"b": {"a": ""}})
        await wait_until(lambda: values == [""])
        await simulated_slack.wait_for_acks(2)
        assert len(simulated_slack.views) == 1
        simulated_slack.submit_view(view["id"], {"b": {"a": "Parley"}})
        await simulated_slack.until(lambda: not simulated_slack.views, what="its end")
    assert values == ["", "Parley"]


async def test_a_shortcut_of_a_message_brings_the_message(simulated_slack: SimulatedSlack) -> None:
    """`message_action`, with the message and its channel."""
    seen: list[dict[str, Any]] = []
    async with connected(simulated_slack) as heard:

        @heard.app.shortcut("summarise")
        async def shortcut(ack: Any, body: dict[str, Any]) -> None:
            await ack()
            seen.append(body)

        said = simulated_slack.say("a long story")
        simulated_slack.shortcut("summarise", message=said)
        await wait_until(lambda: bool(seen))
    assert (seen[0]["type"], seen[0]["message"]["ts"]) == ("message_action", said.ts)


async def test_a_trigger_opens_one_modal_and_soon() -> None:
    """It is used once, and within three seconds."""
    clock = ManualClock()
    async with SimulatedSlack(clock=clock) as slack, web_client(slack) as client:
        slack.hold_events()
        slack.shortcut("a")
        slack.shortcut("b")
        first, late = (each.envelope.payload["trigger_id"] for each in slack.deliveries)
        await client.views_open(trigger_id=first, view=MODAL)
        with pytest.raises(SlackApiError, match="invalid_trigger_id"):
            await client.views_open(trigger_id=first, view=MODAL)
        await clock.advance(4)
        with pytest.raises(SlackApiError, match="expired_trigger_id"):
            await client.views_open(trigger_id=late, view=MODAL)
        with pytest.raises(SlackApiError, match="invalid_arguments"):
            await client.views_open(trigger_id=late, view=MODAL | {"title": None})


async def test_a_home_is_published_for_a_person(simulated_slack: SimulatedSlack) -> None:
    """Each sees their own; `views.update` replaces what is shown."""
    ada = simulated_slack.world.user("ada").id
    home = {"type": "home", "blocks": [{"type": "divider"}]}
    async with web_client(simulated_slack) as client:
        published = await client.views_publish(user_id=ada, view=home)
        shown = simulated_slack.home_of("ada")
        assert shown is not None
        assert shown["blocks"] == home["blocks"]
        assert simulated_slack.home_of("grace") is None
        await client.views_update(
            view_id=published["view"]["id"], view={"type": "home", "blocks": []}
        )
        with pytest.raises(SlackApiError, match="not_found"):
            await client.views_update(view_id="V0NOWHERE0", view=home)
    assert simulated_slack.views[0]["blocks"] == []
