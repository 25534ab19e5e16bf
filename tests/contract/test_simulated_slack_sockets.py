"""Bolt's real Socket Mode client hears what happens in the simulated Slack, and loses nothing."""

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import DeliveryState, MentionOrder, Redelivery, SimulatedSlack
from tests.contract.slack_clients import QUICK_PING_S, connected, web_client
from tests.support import wait_until


async def test_a_mention_comes_as_two_events_of_one_post(simulated_slack: SimulatedSlack) -> None:
    """`app_mention` and `message`, in either order, with one `ts` and two event ids."""
    async with connected(simulated_slack) as heard:
        for order in MentionOrder:
            simulated_slack.mention_order = order
            said = simulated_slack.say("hello", mention=True)
            await wait_until(lambda: len(heard.events) == 2)
            first = "app_mention" if order is MentionOrder.MENTION_FIRST else "message"
            assert heard.events[0]["type"] == first
            assert {event["type"] for event in heard.events} == {"app_mention", "message"}
            assert {event["ts"] for event in heard.events} == {said.ts}
            assert len({body["event_id"] for body in heard.bodies}) == 2
            heard.events.clear()
            heard.bodies.clear()


async def test_events_go_to_any_one_of_the_sockets(simulated_slack: SimulatedSlack) -> None:
    """Two sockets share the events: each event is heard once, and both sockets hear some."""
    links = []
    async with web_client(simulated_slack, token=simulated_slack.app_token) as client:
        for _ in range(2):
            opened = await client.apps_connections_open(app_token=simulated_slack.app_token)
            links.append(opened["url"])
    heard: list[tuple[int, str]] = []
    async with aiohttp.ClientSession() as session:
        sockets = [await session.ws_connect(link) for link in links]
        assert [(await socket.receive_json())["num_connections"] for socket in sockets] == [1, 2]
        for number in range(4):
            simulated_slack.say(f"message {number}")
        for _ in range(2):
            for at, socket in enumerate(sockets):
                envelope = await socket.receive_json()
                heard.append((at, envelope["payload"]["event"]["text"]))
                await socket.send_json({"envelope_id": envelope["envelope_id"]})
        await simulated_slack.wait_for_acks(4)
        for socket in sockets:
            await socket.close()
    assert {text for _, text in heard} == {f"message {number}" for number in range(4)}
    assert {at for at, _ in heard} == {0, 1}


async def test_a_link_is_good_for_one_socket(simulated_slack: SimulatedSlack) -> None:
    """A second connection to the same address is refused."""
    client = AsyncWebClient(base_url=simulated_slack.api_url)
    link = (await client.apps_connections_open(app_token=simulated_slack.app_token))["url"]
    async with aiohttp.ClientSession() as session:
        socket = await session.ws_connect(link)
        await socket.close()
        async with session.get(link.replace("ws://", "http://")) as answer:
            assert answer.status == 408


async def test_an_eleventh_socket_is_turned_away(simulated_slack: SimulatedSlack) -> None:
    """It hears `too_many_websockets` and is closed."""
    client = AsyncWebClient(base_url=simulated_slack.api_url)
    async with aiohttp.ClientSession() as session:
        sockets = []
        for _ in range(11):
            opened = await client.apps_connections_open(app_token=simulated_slack.app_token)
            sockets.append(await session.ws_connect(opened["url"]))
        greetings = [await socket.receive_json() for socket in sockets]
        assert [greeting["type"] for greeting in greetings] == ["hello"] * 10 + ["disconnect"]
        assert greetings[-1]["reason"] == "too_many_websockets"
        for socket in sockets:
            await socket.close()


async def test_what_is_not_acknowledged_comes_again(simulated_slack: SimulatedSlack) -> None:
    """The same event id, and bolt sees the number and the reason of the retry."""
    simulated_slack.redelivery = Redelivery(ack_within_s=0.5, pauses_s=(0.0,) * 10)
    async with connected(simulated_slack) as heard:
        simulated_slack.withhold_acks(2)
        simulated_slack.say("hello")
        await simulated_slack.wait_for_acks(1)
    assert len({body["event_id"] for body in heard.bodies}) == 1
    numbers = [headers["x-slack-retry-num"] for headers in heard.headers]
    assert numbers[:3] == [["0"], ["1"], ["2"]]
    assert heard.headers[1]["x-slack-retry-reason"] == ["timeout"]
    assert simulated_slack.deliveries[0].state is DeliveryState.ACKED


async def test_an_acknowledged_event_can_come_again_all_the_same(
    simulated_slack: SimulatedSlack,
) -> None:
    """As when Slack loses what it was told."""
    async with connected(simulated_slack) as heard:
        simulated_slack.say("hello")
        await simulated_slack.wait_for_acks(1)
        simulated_slack.repeat_events()
        await simulated_slack.wait_for_acks(2)
    assert len(heard.bodies) == 2
    assert len({body["event_id"] for body in heard.bodies}) == 1


async def test_held_events_come_in_the_order_asked_for(simulated_slack: SimulatedSlack) -> None:
    """Newest first, as Slack promises no order."""
    async with connected(simulated_slack) as heard:
        simulated_slack.hold_events()
        for text in ("one", "two"):
            simulated_slack.say(text)
        simulated_slack.release_events(reverse=True)
        await wait_until(lambda: len(heard.events) == 2)
    assert [event["text"] for event in heard.events] == ["two", "one"]


async def test_the_client_connects_anew_when_asked(simulated_slack: SimulatedSlack) -> None:
    """`refresh_requested` leads to a new socket, over which events go on."""
    async with connected(simulated_slack) as heard:
        await simulated_slack.refresh_sockets("warning")
        await wait_until(lambda: simulated_slack.sockets_opened == 2)
        await simulated_slack.refresh_sockets()
        await wait_until(lambda: simulated_slack.sockets_opened == 3)
        simulated_slack.say("still there?")
        await simulated_slack.wait_for_acks(1)
        assert len(heard.events) == 1


async def test_the_client_comes_back_after_an_abrupt_loss(simulated_slack: SimulatedSlack) -> None:
    """And what was said meanwhile arrives."""
    async with connected(simulated_slack, ping_interval=QUICK_PING_S) as heard:
        simulated_slack.drop_sockets()
        await simulated_slack.until(lambda: simulated_slack.sockets == 0, what="the loss")
        simulated_slack.say("hello?")
        await simulated_slack.wait_for_sockets(1)
        await simulated_slack.wait_for_acks(1)
        assert {event["text"] for event in heard.events} == {"hello?"}


async def test_the_client_notices_a_dead_peer(simulated_slack: SimulatedSlack) -> None:
    """A socket that never answers a ping is replaced, and what it swallowed comes again."""
    simulated_slack.redelivery = Redelivery(ack_within_s=0.5, pauses_s=(0.0,) * 10)
    async with connected(simulated_slack, ping_interval=QUICK_PING_S) as heard:
        simulated_slack.freeze_sockets()
        simulated_slack.say("hello?")
        await simulated_slack.wait_for_acks(1)
        assert len(heard.events) == 1
    assert simulated_slack.sockets_opened >= 2


async def test_an_outage_ends_and_the_client_is_back(simulated_slack: SimulatedSlack) -> None:
    """Stopped and started again on the same port, with all it knew."""
    async with connected(simulated_slack, ping_interval=QUICK_PING_S) as heard:
        simulated_slack.say("before")
        await simulated_slack.wait_for_acks(1)
        await simulated_slack.stop()
        simulated_slack.say("meanwhile")
        await simulated_slack.start()
        await simulated_slack.wait_for_sockets(1)
        simulated_slack.say("after")
        await simulated_slack.wait_for_acks(3)
        assert {event["text"] for event in heard.events} == {"before", "meanwhile", "after"}
    shown = [each.text for each in simulated_slack.visible()]
    assert shown == ["before", "meanwhile", "after"]
