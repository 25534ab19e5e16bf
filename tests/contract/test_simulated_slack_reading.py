"""Histories, channels, people and files, as the real client reads them."""

from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import ChannelKind, Fault, Outcome, SimulatedSlack, Upload
from tests.contract.slack_clients import connected, slack_client, web_client

__all__ = ["slack_client"]


@pytest.fixture
def channel(simulated_slack: SimulatedSlack) -> str:
    """The id of `#general`."""
    return simulated_slack.world.channel("general").id


def _texts(answer: Any) -> list[str]:
    return [message["text"] for message in answer["messages"]]


async def test_history_is_newest_first_and_in_pages(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, channel: str
) -> None:
    """The SDK's own paging reads all of it; threads show as their first message."""
    said = [simulated_slack.say(f"m{number}") for number in range(5)]
    simulated_slack.say("a reply", thread_ts=said[0].ts)
    simulated_slack.say("also here", thread_ts=said[0].ts, broadcast=True)
    first = await slack_client.conversations_history(channel=channel, limit=4)
    assert first["has_more"] is True
    pages = [_texts(page) async for page in first]
    assert pages == [["also here", "m4", "m3", "m2"], ["m1", "m0"]]
    everything = await slack_client.conversations_history(channel=channel)
    assert everything["messages"][-1]["reply_count"] == 2
    assert everything["messages"][-1]["thread_ts"] == said[0].ts
    assert everything["messages"][0]["subtype"] == "thread_broadcast"
    assert everything["messages"][0]["root"]["ts"] == said[0].ts
    with pytest.raises(SlackApiError, match="invalid_cursor"):
        await slack_client.conversations_history(channel=channel, cursor="x")


async def test_history_can_be_bounded(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, channel: str
) -> None:
    """`oldest` and `latest` leave out what they name, unless `inclusive`."""
    said = [simulated_slack.say(f"m{number}") for number in range(4)]
    bounds: dict[str, Any] = {"channel": channel, "oldest": said[0].ts, "latest": said[3].ts}
    assert _texts(await slack_client.conversations_history(**bounds)) == ["m2", "m1"]
    whole = await slack_client.conversations_history(**bounds, inclusive=True)
    assert _texts(whole) == ["m3", "m2", "m1", "m0"]
    thread: dict[str, Any] = {"channel": channel, "ts": said[0].ts}
    reply = simulated_slack.say("r1", thread_ts=said[0].ts)
    simulated_slack.say("r2", thread_ts=said[0].ts)
    later = await slack_client.conversations_replies(**thread, oldest=reply.ts)
    assert _texts(later) == ["m0", "r2"]


async def test_replies_come_oldest_first_with_their_beginning_on_every_page(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, channel: str
) -> None:
    """Two pages, both beginning with the first message."""
    root = simulated_slack.say("root")
    for number in range(3):
        simulated_slack.say(f"r{number}", thread_ts=root.ts)
    pages = [
        _texts(page)
        async for page in await slack_client.conversations_replies(
            channel=channel, ts=root.ts, limit=2
        )
    ]
    assert pages == [["root", "r0", "r1"], ["root", "r2"]]
    with pytest.raises(SlackApiError, match="thread_not_found"):
        await slack_client.conversations_replies(channel=channel, ts="1.000001")


async def test_a_deleted_beginning_leaves_a_tombstone(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, channel: str
) -> None:
    """As long as replies remain; without any it is gone."""
    root, alone = simulated_slack.say("root"), simulated_slack.say("alone")
    simulated_slack.say("reply", thread_ts=root.ts)
    simulated_slack.delete(root)
    simulated_slack.delete(alone)
    (message,) = (await slack_client.conversations_history(channel=channel))["messages"]
    assert (message["subtype"], message["user"]) == ("tombstone", "USLACKBOT")
    replies = await slack_client.conversations_replies(channel=channel, ts=root.ts)
    assert [each["text"] for each in replies["messages"]] == ["This message was deleted.", "reply"]


async def test_only_members_read(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient
) -> None:
    """A public channel says `not_in_channel`, a private one is not there at all."""
    lounge = simulated_slack.world.channel("lounge").id
    with pytest.raises(SlackApiError, match="not_in_channel"):
        await slack_client.conversations_history(channel=lounge)
    simulated_slack.remove_bot("lab")
    with pytest.raises(SlackApiError, match="channel_not_found"):
        await slack_client.conversations_history(channel=simulated_slack.world.channel("lab").id)


async def test_channels_are_listed_by_kind(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient
) -> None:
    """All public ones, and those others that the bot is in; `users.conversations` only its own."""
    listed = await slack_client.conversations_list(types="public_channel,private_channel")
    names = {each["name"]: each["is_member"] for each in listed["channels"]}
    assert names == {"general": True, "random": True, "lounge": False, "lab": True}
    own = await slack_client.users_conversations(types="public_channel,im")
    assert len([each for each in own["channels"] if each["is_im"]]) == 4
    assert "lounge" not in {each.get("name") for each in own["channels"]}
    simulated_slack.archive("random")
    open_ones = await slack_client.conversations_list(exclude_archived=True)
    assert {each["name"] for each in open_ones["channels"]} == {"general", "lounge"}


async def test_a_channel_and_its_members_can_be_looked_up(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, channel: str
) -> None:
    """Direct messages tell whom they are with; opening them gives the same ones again."""
    info = (await slack_client.conversations_info(channel=channel))["channel"]
    assert (info["name"], info["is_member"], info["num_members"]) == ("general", True, 5)
    members = await slack_client.conversations_members(channel=channel, limit=3)
    assert [len(page["members"]) async for page in members] == [3, 2]
    ada, grace = (simulated_slack.world.user(name).id for name in ("ada", "grace"))
    direct = (await slack_client.conversations_open(users=ada))["channel"]["id"]
    assert direct == simulated_slack.world.channel("@ada").id
    assert (await slack_client.conversations_info(channel=direct))["channel"]["user"] == ada
    group = (await slack_client.conversations_open(users=[ada, grace]))["channel"]["id"]
    assert group == (await slack_client.conversations_open(users=[grace, ada]))["channel"]["id"]
    with pytest.raises(SlackApiError, match="user_not_found"):
        await slack_client.conversations_open(users="U0NOBODY00")


async def test_people_and_bots_can_be_looked_up(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient
) -> None:
    """Names, administrators, bots, the workspace."""
    ada = (await slack_client.users_info(user=simulated_slack.world.user("ada").id))["user"]
    assert (ada["profile"]["display_name"], ada["is_admin"], ada["is_bot"]) == ("Ada", True, False)
    who = await slack_client.auth_test()
    bot = (await slack_client.bots_info(bot=who["bot_id"]))["bot"]
    assert (bot["user_id"], bot["app_id"]) == (who["user_id"], simulated_slack.world.app.id)
    everybody = [page["members"] async for page in await slack_client.users_list(limit=2)]
    assert sum(len(members) for members in everybody) == 5
    assert (await slack_client.team_info())["team"]["id"] == who["team_id"]
    with pytest.raises(SlackApiError, match="user_not_found"):
        await slack_client.users_info(user="U0NOBODY00")


async def test_the_bot_can_react(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, channel: str
) -> None:
    """Once; it shows in the history."""
    said = simulated_slack.say("hello")
    where = {"channel": channel, "timestamp": said.ts, "name": "eyes"}
    await slack_client.reactions_add(**where)
    with pytest.raises(SlackApiError, match="already_reacted"):
        await slack_client.reactions_add(**where)
    (message,) = (await slack_client.conversations_history(channel=channel))["messages"]
    users = [simulated_slack.bot_user_id]
    assert message["reactions"] == [{"name": "eyes", "users": users, "count": 1}]
    await slack_client.reactions_remove(**where)
    assert simulated_slack.messages()[0].reactions == ()


async def test_the_sdk_uploads_a_file_into_a_thread(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, channel: str
) -> None:
    """Its address, its content, its comment; `files.info` tells where it was shared."""
    root = simulated_slack.say("send me something")
    async with connected(simulated_slack) as heard:
        sent = await slack_client.files_upload_v2(
            channel=channel,
            thread_ts=root.ts,
            content=b"a,b\n1,2\n",
            filename="cost.csv",
            title="Cost",
            initial_comment="Here",
        )
        await simulated_slack.wait_for_acks(2)
    shown = simulated_slack.visible(thread_ts=root.ts)[-1]
    assert (shown.text, shown.files) == ("Here", ("cost.csv",))
    assert heard.events[-1]["subtype"] == "file_share"
    file = (await slack_client.files_info(file=sent["file"]["id"]))["file"]
    assert (file["title"], file["size"], file["mimetype"]) == ("Cost", 8, "text/csv")
    (share,) = file["shares"]["public"][channel]
    assert (share["ts"], share["thread_ts"]) == (shown.ts, root.ts)
    assert await _fetch(file["url_private"], simulated_slack.bot_token) == b"a,b\n1,2\n"


async def test_an_upload_is_shared_with_blocks_only_when_complete(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, channel: str
) -> None:
    """What was never sent can't be shared; blocks stand beside the file."""
    announced = await slack_client.files_getUploadURLExternal(filename="a.png", length=3)
    files: list[dict[str, str | None]] = [{"id": announced["file_id"], "title": "A"}]
    with pytest.raises(SlackApiError, match="file_not_found"):
        await slack_client.files_completeUploadExternal(files=files, channel_id=channel)
    async with aiohttp.ClientSession() as session:
        async with session.post(announced["upload_url"], data=b"four") as answer:
            assert answer.status == 400
        async with session.post(announced["upload_url"], data=b"123") as answer:
            assert answer.status == 200
    await slack_client.files_completeUploadExternal(
        files=files,
        channel_id=channel,
        blocks='[{"type": "markdown", "text": "**42**"}]',
    )
    (shown,) = simulated_slack.visible()
    assert (shown.text, shown.files) == ("**42**", ("a.png",))


async def test_files_of_people_are_fetched_with_the_token(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient
) -> None:
    """Without it one gets a page to log in at."""
    async with connected(simulated_slack) as heard:
        simulated_slack.say("look", files=[Upload("a.png", b"\x89PNG", "image/png")])
        await simulated_slack.wait_for_acks(1)
    (event,) = heard.events
    assert (event["subtype"], event["text"]) == ("file_share", "look")
    (file,) = event["files"]
    assert (file["mimetype"], file["size"], file["name"]) == ("image/png", 4, "a.png")
    assert await _fetch(file["url_private_download"], simulated_slack.bot_token) == b"\x89PNG"
    assert b"Sign in" in await _fetch(file["url_private"], "xoxb-wrong")


async def test_sending_and_fetching_can_fail_too(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, channel: str
) -> None:
    """Faults know them as `upload` and `download`, and the log shows them."""
    said = simulated_slack.say("look", files=[Upload("a.png", b"x", "image/png")])
    history = await slack_client.conversations_history(channel=channel)
    url = history["messages"][0]["files"][0]["url_private"]
    simulated_slack.fail_next(Fault.not_json(), method="download")
    assert b"log in" in await _fetch(url, simulated_slack.bot_token)
    assert await _fetch(url, simulated_slack.bot_token) == b"x"
    simulated_slack.fail_next(Fault.of_status(500), method="upload")
    with pytest.raises(SlackRequestError, match="status: 500"):
        await slack_client.files_upload_v2(channel=channel, content="x", filename="a.txt")
    outcomes = [call.outcome for call in simulated_slack.calls("download")]
    assert outcomes == [Outcome.FAULTED, Outcome.ANSWERED]
    assert simulated_slack.messages() == (said,)


async def _fetch(url: str, token: str) -> bytes:
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return await answer.read()


async def test_another_workspace_is_another_world(simulated_slack: SimulatedSlack) -> None:
    """Its own token, people and channels; neither sees the other's."""
    other = simulated_slack.add_workspace("Other")
    simulated_slack.add_user("olga", workspace="other")
    simulated_slack.add_channel("general", workspace="other")
    simulated_slack.add_channel("quiet", kind=ChannelKind.PRIVATE, workspace="other", bot=False)
    async with web_client(simulated_slack, token=other.bot_token) as client:
        assert (await client.auth_test())["team_id"] == other.team_id
        (channel,) = (await client.conversations_list())["channels"]
        await client.chat_postMessage(channel=channel["id"], text="hello, other")
        with pytest.raises(SlackApiError, match="channel_not_found"):
            await client.conversations_info(channel=simulated_slack.world.channel("general").id)
    assert [each.text for each in simulated_slack.visible(channel["id"])] == ["hello, other"]
    assert simulated_slack.visible("general") == ()
