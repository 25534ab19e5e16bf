"""What the Discord adapter does beyond the contract, before a simulated Discord."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from discord import Intents

from adapters.discord import DiscordAdapter  # first: it imports the SDK quietly
from adapters.discord.gateway import GatewayHttp, Shard, WrongShards
from adapters.discord.identity import direct_thread, discord_thread
from adapters.discord.rest import Rest
from adapters.memory import MemoryStore
from bot.ports import (
    Choice,
    CommandOffer,
    CommandParameter,
    Controls,
    Option,
    OutgoingFile,
    PlatformError,
    ThreadGone,
)
from bot.vocabulary import (
    Attachment,
    Card,
    ChannelKind,
    ChoiceMade,
    Fact,
    ManualClock,
    Message,
    MessageDeleted,
    MessageEdited,
    Person,
    Rated,
    StopRequested,
    SystemClock,
    Thread,
    Verdict,
)
from sandbox.discord import Fault, File, GatewayRules, MessageFlag, Permission, SimulatedDiscord
from tests.discord_desk import Desk, part, turn
from tests.support import wait_until

PICTURE = OutgoingFile("m.f0", "costs.png", "image/png", b"a picture", "a chart of costs")
OFFERS = (
    CommandOffer(
        name="remind",
        summary="Remind me " * 20,
        usage="/remind",
        parameters=(
            CommandParameter("about", "What about", "text", required=False, takes_rest=True),
            CommandParameter("minutes", "In how many", "integer", required=True, takes_rest=False),
        ),
        private=True,
        admin=True,
    ),
)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """An adapter that runs."""
    async with SimulatedDiscord() as discord:
        desk = Desk(discord, offers=OFFERS)
        async with desk.running():
            yield desk


# What people do


@pytest.mark.parametrize("where", ["direct", "chain", "thread"])
async def test_buttons_are_pressed(desk: Desk, where: str) -> None:
    """Each press is acknowledged, and comes in for the thread and turn that it belongs to."""
    question = desk.discord.say("hello", mention=True)
    opened = desk.discord.open_thread("a thread")
    threads = {
        "direct": desk.direct,
        "chain": desk.chain(question.id),
        "thread": discord_thread(str(desk.discord.guild.id), str(opened.parent_id), str(opened.id)),
    }
    thread, begun = threads[where], turn()
    ada = Person(str(desk.discord.world.user("ada").id), "Ada")
    choice = Choice(f"{begun}.q1", "Sure?", (Option("allow", "Yes"), Option("deny", "No")))
    shown = part(f"{begun}.0", controls=Controls.STOP)
    posted = await desk.adapter.post(thread, shown)
    presses = [desk.discord.press(posted.message_id, "Stop")]
    await desk.adapter.edit(thread, posted.message_id, part(f"{begun}.0", choice=choice))
    presses.append(desk.discord.press(posted.message_id, "No"))
    rated = part(f"{begun}.0", controls=Controls.RATE)
    await desk.adapter.edit(thread, posted.message_id, rated)
    good = desk.discord.world.message(int(posted.message_id)).buttons[0]
    presses.append(desk.discord.press(posted.message_id, str(good["custom_id"])))
    expected = {
        StopRequested(thread, ada),
        ChoiceMade(thread, choice.id, "deny", ada),
        Rated(thread, begun, good=True, by=ada),
    }
    await wait_until(lambda: expected <= set(desk.intake.events), what="the presses")
    await wait_until(lambda: all(each.response for each in presses), what="the acknowledgements")


async def test_edits_and_deletions_come_in(desk: Desk) -> None:
    """By people alone; previews that Discord adds are no edits."""
    message = desk.discord.say("hello", direct=True)
    await desk.heard()
    desk.discord.edit(message, "hello there")
    desk.discord.delete(message)
    channel = desk.direct.channel
    expected = [
        MessageEdited(channel, str(message.id), "hello there"),
        MessageDeleted(channel, str(message.id)),
    ]
    await wait_until(lambda: desk.intake.events[1:] == expected, what="the edit and the deletion")


async def test_who_manages_the_server_is_an_admin(desk: Desk) -> None:
    """As far as the event tells."""
    desk.discord.say("hello", mention=True, by="grace")
    desk.discord.say("hello", mention=True, by="ada")
    messages = await desk.heard(2)
    assert {each.author.name: each.author.admin for each in messages} == {
        "Grace": True,
        "Ada": False,
    }


async def test_names_are_found_when_a_message_is_answered(desk: Desk) -> None:
    """For codes that its event did not explain."""
    eve = desk.discord.world.add_user("eve", display_name="Eve")
    desk.discord.say("Who is <@1> `<@2>`?", direct=True)
    (message,) = await desk.heard()
    strange = Message(
        thread=desk.direct,
        id=message.id,
        author=message.author,
        text=f"<@{eve.id}> in <#{desk.discord.world.channel('random').id}>, not <@1>",
        sent_at=message.sent_at,
        addressed=True,
    )
    assert (await desk.adapter.introduce(strange)).text == "@Eve in #random, not <@1>"


# Files and cards


async def test_files_come_from_discord_alone(desk: Desk) -> None:
    """And not beyond the size that is asked for."""
    desk.discord.say("look", direct=True, attachments=[File("a.txt", b"0123456789")])
    (message,) = await desk.heard()
    (file,) = message.attachments
    assert await desk.adapter.fetch(file, max_bytes=10) == b"0123456789"
    with pytest.raises(PlatformError, match="more than 9 bytes"):
        await desk.adapter.fetch(file, max_bytes=9)
    for source in ("http://127.0.0.1:9/a", "file:///etc/passwd", "http://cdn.discordapp.com/a"):
        with pytest.raises(PlatformError, match="not on Discord"):
            await desk.adapter.fetch(Attachment("a", "text/plain", 1, source), max_bytes=10)


async def test_a_card_stands_in_one_message(desk: Desk) -> None:
    """With a text, an embed and the picture, which is described to who can't see it."""
    card = Card("Week 47", "It cost $12.34.", facts=(Fact("Turns", "12"),))
    channel = await desk.adapter.find_channel(str(desk.discord.world.channel("general").id))
    await desk.adapter.post(
        Thread(channel, "+weekly"), part(f"{turn()}.0", card=card, picture=PICTURE)
    )
    (message,) = desk.discord.messages("general")
    assert "$12.34" in message.content
    (file,) = message.attachments
    assert (file.filename, file.description) == ("costs.png", "a chart of costs")
    assert message.now.embeds[0]["image"]["url"] == "attachment://costs.png"
    assert message.reply_to_id is None


async def test_a_report_goes_to_a_channel_or_a_person(desk: Desk) -> None:
    """By their ids; what is neither is told."""
    general, ada = desk.discord.world.channel("general"), desk.discord.world.user("ada")
    channel = await desk.adapter.find_channel(str(general.id))
    assert (channel.id, channel.workspace) == (str(general.id), str(desk.discord.guild.id))
    direct = await desk.adapter.find_channel(str(ada.id))
    assert (direct.kind, direct.id) == (ChannelKind.DIRECT, str(desk.discord.dm("ada").id))
    with pytest.raises(PlatformError):
        await desk.adapter.find_channel("1")


async def test_a_notice_makes_no_sound(desk: Desk) -> None:
    """It is a reply in a channel, and pings nobody."""
    question = desk.discord.say("hello", mention=True)
    await desk.adapter.notice(desk.chain(question.id), Person("1", "Ada"), "Wait.", "t.limit")
    (message,) = desk.discord.messages("general", by=desk.discord.bot)
    assert MessageFlag.SUPPRESS_NOTIFICATIONS in message.now.flags
    assert message.reply_to_id == question.id


# What operators see


async def test_commands_fit_discord_s_rules(desk: Desk) -> None:
    """Required options first, descriptions cut, and for admins alone where that is so."""
    route = "PUT /applications/{}/commands"
    await wait_until(lambda: desk.discord.requests_of(route), what="the commands")
    (written,) = desk.discord.requests_of(route)
    await wait_until(lambda: desk.discord.requests_of(route)[0].status == 200, what="their success")
    remind = written.body[0]
    assert [(each["name"], each["type"]) for each in remind["options"]] == [
        ("minutes", 4),
        ("about", 3),
    ]
    assert len(remind["description"]) == 100
    assert remind["default_member_permissions"] == str(int(Permission.MANAGE_GUILD))
    call = desk.discord.slash("remind", {"minutes": 5, "about": 'the "big" day'}, by="grace")
    (message,) = await desk.heard()
    assert message.text == '/remind 5 the "big" day'
    assert (message.author.name, message.author.admin) == ("Grace", True)
    assert message.thread.id == f"i{call.id}"
    await wait_until(lambda: call.original, what="the acknowledgement")
    assert call.original is not None
    assert call.original.ephemeral


async def test_the_doctor_finds_all_in_order(desk: Desk) -> None:
    """And prints the link by which the bot is invited."""
    findings = {each.check: each for each in await desk.new_adapter().diagnose()}
    assert {each.verdict for each in findings.values()} == {Verdict.OK}
    assert f"client_id={desk.discord.world.application_id}" in findings["discord servers"].said


async def test_the_doctor_names_what_is_missing(desk: Desk) -> None:
    """Intents, permissions, sessions, and at last the token."""
    desk.discord.gateway.change(granted=0, session_starts=3)
    everyone = desk.discord.guild.roles[desk.discord.guild.id]
    everyone.permissions &= ~Permission.ATTACH_FILES
    findings = {each.check: each for each in await desk.new_adapter().diagnose()}
    warned = {check for check, each in findings.items() if each.verdict is Verdict.WARNING}
    assert warned == {"discord intents", "discord permissions in Parley", "discord gateway"}
    assert "attach files" in findings["discord permissions in Parley"].said
    desk.discord.remove_bot()
    findings = {each.check: each for each in await desk.new_adapter().diagnose()}
    assert "oauth2/authorize" in findings["discord servers"].remedy
    desk.discord.revoke_token()
    (refused,) = await desk.new_adapter().diagnose()
    assert refused.verdict is Verdict.FAILURE
    assert "DISCORD_TOKEN" in refused.remedy


async def test_a_deleted_channel_is_gone(desk: Desk) -> None:
    """Nothing can be said there, which is final; asked once."""
    thread = desk.chain(desk.discord.say("hello", mention=True).id)
    desk.discord.delete_channel("general")
    with pytest.raises(ThreadGone):
        await desk.adapter.post(thread, part(f"{turn()}.0"))


async def test_two_discords_in_one_process(desk: Desk) -> None:
    """Where Discord is belongs to the adapter."""
    async with SimulatedDiscord(rules=GatewayRules(granted=0)) as second:
        other = Desk(second)
        async with other.running():
            desk.discord.say("first", direct=True)
            second.say("second", direct=True)
            await desk.heard()
            await other.heard()
    assert [each.text for each in desk.intake.messages] == ["first"]
    assert [each.text for each in other.intake.messages] == ["second"]


async def test_events_wait_while_they_can_t_be_kept(desk: Desk) -> None:
    """In their order."""
    desk.intake.refuse(times=3)
    for text in ("one", "two", "three"):
        desk.discord.say(text, direct=True)
    assert [each.text for each in await desk.heard(3)] == ["one", "two", "three"]


async def test_a_press_is_acknowledged_while_nothing_can_be_kept(desk: Desk) -> None:
    """It comes in when that is possible again; what waits before it in the channel holds it up no more
    than anything else."""
    posted = await desk.adapter.post(desk.direct, part(f"{turn()}.0", controls=Controls.STOP))
    desk.intake.refuse(times=4)
    desk.discord.say("hello", direct=True)
    press = desk.discord.press(posted.message_id, "Stop")
    await wait_until(lambda: press.response is not None, what="the acknowledgement")
    await wait_until(lambda: len(desk.intake.events) == 2, what="both events")


async def test_typing_is_shown_until_there_is_text() -> None:
    """It is renewed before it ends by itself; text takes its place."""
    async with SimulatedDiscord() as discord:
        clock, route = ManualClock(), "POST /channels/{}/typing"
        adapter = DiscordAdapter(
            token="simulated", clock=clock, store=MemoryStore(), api_url=discord.api_url
        )
        thread = direct_thread(str(discord.dm("ada").id))
        await adapter.show_status(thread, "is thinking…")

        async def renewed() -> bool:
            await clock.advance(4.0)
            return len(discord.requests_of(route)) >= 3

        await wait_until(renewed, what="three signs")
        await adapter.post(thread, part(f"{turn()}.0"))
        shown = len(discord.requests_of(route))
        await clock.advance(30.0)
        assert len(discord.requests_of(route)) == shown
        await adapter.aclose()


@pytest.mark.parametrize(("code", "said"), [(4004, "DISCORD_TOKEN"), (4014, "no intents")])
async def test_a_gateway_that_refuses_for_good_is_told(code: int, said: str) -> None:
    """With what to do; there is no loop."""
    async with SimulatedDiscord(rules=GatewayRules(granted=0)) as discord:
        desk = Desk(discord)
        running = asyncio.create_task(desk.adapter.run(desk.intake))
        await discord.wait_for_bot()
        discord.drop_gateway(code=code)
        with pytest.raises(PlatformError, match=said):
            await running
        await desk.adapter.aclose()


async def test_shards_are_counted_anew_when_discord_asks_for_more() -> None:
    """As the gateway says by its close code."""
    async with SimulatedDiscord() as discord:
        rest = Rest(token="simulated", clock=SystemClock(), api_url=discord.api_url)

        async def at_once(_: int) -> None:
            """Sessions may begin."""

        async def gateway() -> str:
            return discord.gateway_url

        shard = Shard(
            http=GatewayHttp(rest=rest, token="simulated"),
            number=0,
            count=1,
            intents=Intents.none(),
            hear=lambda *_: None,
            gateway=gateway,
            may_identify=at_once,
            clock=SystemClock(),
        )
        listening = asyncio.create_task(shard.listen())
        await discord.wait_for_bot()
        discord.drop_gateway(code=4011)
        with pytest.raises(WrongShards):
            await listening
        await rest.aclose()


async def test_a_failing_login_is_tried_again() -> None:
    """Discord may be away when the service starts."""
    async with SimulatedDiscord() as discord:
        discord.fail_next(Fault.of_status(503), route="GET /users/@me")
        desk = Desk(discord)
        async with desk.running():
            discord.say("hello", direct=True)
            await desk.heard()
