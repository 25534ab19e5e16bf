"""What plugins can do, seen by the people in front of the bot, on every platform's profile."""

import json
from collections.abc import AsyncIterator
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from adapters.memory import MemoryAdapter, MemoryPlatform
from bot.plugins import Answer, Ask, Block, Context, Plugin, Role, Table, Told
from bot.ports import AdapterSetup
from sandbox.claude import Reply
from sandbox.claude.script import ToolCall
from sandbox.testing import ADMIN, MEMBER, Platform, running
from tests.support import wait_until


class Settings(BaseModel):
    """Of the plugin under test."""

    units: Literal["metric", "imperial"] = "metric"


Ctx = Context[Settings, str]


def weather() -> Plugin[Settings, str]:
    """A plugin with one of everything."""
    plugin = Plugin("weather", api=1, settings=Settings, state=str)

    @plugin.lifespan
    async def lifespan(_ctx: Ctx) -> AsyncIterator[str]:
        yield "sunny"

    @plugin.command("weather")
    async def command(ctx: Ctx, city: str) -> str:
        """The weather in a city."""
        return f"It is {ctx.state} in {city} ({ctx.settings.units})."

    @plugin.command("days")
    def days(ctx: Ctx, count: Annotated[int, Field(ge=1)], city: str = "Oslo") -> Answer:
        """The weather of some days."""
        table = Table(("day", "sky"), [(day, ctx.state) for day in range(count)])
        return Answer(f"{city}:\n\n{table.markdown()}", (table.csv_file("days.csv"),))

    @plugin.command("storm", role=Role.ADMIN)
    async def storm(_ctx: Ctx) -> str:
        """Make a storm."""
        raise Told("There is no wind today.")

    @plugin.command("poem")
    async def poem(_ctx: Ctx, about: str) -> Ask:
        """A poem about the weather."""
        return Ask(f"Write a poem about {about}")

    @plugin.tool()
    async def forecast(
        ctx: Ctx, city: Annotated[str, Field(description="The city")], days: int = 1
    ) -> dict[str, str | int]:
        """The forecast for a city."""
        return {"city": city, "days": days, "sky": ctx.state}

    @plugin.tool(confirm=True)
    async def seed_clouds(_ctx: Ctx, city: str) -> str:
        """Make it rain."""
        return f"It rains in {city}."

    return plugin


@pytest.mark.parametrize("platform", ["terminal", "slack", "discord"])
async def test_a_command_answers_on_every_platform(platform: Platform) -> None:
    """With its settings, its state and its argument, and without asking Claude."""
    async with running(weather(), {"units": "imperial"}, platform=platform) as bot:
        heard = await bot.say("/weather New York")
        assert heard.text == "It is sunny in New York (imperial)."
        assert heard.outcome == "command"
        assert not bot.claude.requests


async def test_a_plain_function_answers_with_a_file() -> None:
    """It runs in a thread, its arguments are validated, and the table comes as a file as well."""
    async with running(weather()) as bot:
        heard = await bot.say("/days 2 Bergen")
        assert heard.text.startswith("Bergen:\n\n| day | sky |")
        (file,) = heard.files
        assert (file.name, file.content) == ("days.csv", b"day,sky\r\n0,sunny\r\n1,sunny\r\n")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("/days", "count: Field required"),
        ("/days none", "count: Input should be a valid integer"),
        ("/days 0", "count: Input should be greater than or equal to 1"),
        ("/wether Oslo", "Did you mean `/weather`?"),
        ("/storm", "Only admins can use `/storm` here."),
    ],
)
async def test_what_is_wrong_is_told(said: str, told: str) -> None:
    """A plain sentence, with the way it is called."""
    async with running(weather()) as bot:
        assert told in (await bot.say(said)).text


async def test_admins_may_more_and_hear_what_the_plugin_tells() -> None:
    """What a plugin raises as `Told` is shown as it is."""
    async with running(weather()) as bot:
        assert (await bot.say("/storm", by=ADMIN)).text == "There is no wind today."


async def test_the_operator_can_give_a_command_another_role() -> None:
    """`roles` in the plugin's section beats what the plugin says."""
    async with running(weather(), {"roles": {"weather": "admin"}}) as bot:
        assert "Only admins" in (await bot.say("/weather Oslo", by=MEMBER)).text
        assert "sunny" in (await bot.say("/weather Oslo", by=ADMIN)).text


async def test_a_command_can_put_a_question_to_claude() -> None:
    """`Ask` goes on as if the person had said it."""
    async with running(weather()) as bot:
        bot.claude.script.next("Rain, rain.")
        heard = await bot.say("/poem rain")
        assert (heard.text, heard.outcome) == ("Rain, rain.", "answered")
        assert "Write a poem about rain" in json.dumps(bot.claude.requests[0].body)


async def test_commands_and_questions_that_wait_together_are_kept_apart() -> None:
    """Each gets its own answer, in order."""
    async with running(weather()) as bot:
        bot.claude.script.next("First.", "Third.")
        bot.claude.hold(after_chunks=0)
        messages = [bot.tell("one?"), bot.tell("/weather Oslo"), bot.tell("three?")]
        bot.claude.release()
        answers = [(await bot.answer_to(message)).text for message in messages]
        assert answers == ["First.", "It is sunny in Oslo (metric).", "Third."]


async def test_claude_uses_a_tool() -> None:
    """It is offered with its schema, called with validated arguments, and its result goes back; the
    next turn still knows of it."""
    async with running(weather()) as bot:
        bot.claude.script.next(
            Reply(
                "I look.", tool_calls=(ToolCall("weather__forecast", {"city": "Oslo", "days": 3}),)
            ),
            "Sunny for three days.",
            "As I said.",
        )
        heard = await bot.say("How will it be in Oslo?")
        assert heard.text == "I look.\n\nSunny for three days."
        first, second = (request.body for request in bot.claude.requests)
        assert [tool["name"] for tool in first["tools"]] == [
            "weather__forecast",
            "weather__seed_clouds",
        ]
        (result,) = second["messages"][-1]["content"]
        assert json.loads(result["content"][0]["text"]) == {
            "city": "Oslo",
            "days": 3,
            "sky": "sunny",
        }
        await bot.say("Really?")
        assert "tool_result" in json.dumps(bot.claude.requests[-1].body["messages"][2])


async def test_wrong_arguments_go_back_to_claude() -> None:
    """As an error that says what does not fit; the model may try again."""
    async with running(weather()) as bot:
        bot.claude.script.next(
            Reply(tool_calls=(ToolCall("weather__forecast", {"city": "Oslo", "days": "many"}),)),
            "I could not find out.",
        )
        assert (await bot.say("Weather?")).text == "I could not find out."
        (result,) = bot.claude.requests[-1].body["messages"][-1]["content"]
        assert result["is_error"]
        assert "days: Input should be a valid integer" in result["content"][0]["text"]


@pytest.mark.parametrize(("option", "result"), [("allow", "It rains"), ("deny", "did not allow")])
async def test_a_tool_that_asks_first(option: str, result: str) -> None:
    """The person is asked with buttons; somebody else's press does not count."""
    async with running(weather()) as bot:
        bot.claude.script.next(
            Reply(tool_calls=(ToolCall("weather__seed_clouds", {"city": "Oslo"}),)), "Done."
        )
        message = bot.tell("Make it rain")
        assert "May I use **seed clouds** (weather) with city: `Oslo`?" in (await bot.asked()).text
        stranger = type(MEMBER)("U9", "Mallory")
        await bot.press("allow" if option == "deny" else "deny", by=stranger)
        await bot.press(option)
        assert (await bot.answer_to(message)).text == "Done."
        assert result in json.dumps(bot.claude.requests[-1].body["messages"][-1])


async def test_the_rounds_of_an_answer_are_bounded() -> None:
    """A model that never stops calling is told to answer, and answers."""
    async with running(weather(), config="[tools]\nmax_rounds = 2") as bot:
        call = Reply(tool_calls=(ToolCall("weather__forecast", {"city": "Oslo"}),))
        bot.claude.script.next(call, call, call, "Enough.")
        assert (await bot.say("Weather?")).text == "Enough."
        last = json.dumps(bot.claude.requests[-1].body["messages"][-1])
        assert "No more tool calls are possible" in last


async def test_a_plugin_can_be_off_in_a_channel() -> None:
    """Neither its commands nor its tools are there."""
    config = '[channels."terminal:general".plugins]\nweather = false'
    async with running(weather(), config=config) as bot:
        heard = await bot.say("/weather Oslo")
        assert heard.outcome == "answered", "it is a question like any other"
        assert "tools" not in bot.claude.requests[0].body


async def test_filters_change_and_block() -> None:
    """In both directions; what is blocked reaches neither Claude nor anybody's eyes, and no text is
    shown before it has passed."""
    plugin = Plugin("guard", api=1)

    @plugin.filter(stage="inbound", on_error="block")
    async def inward(_ctx: Context, text: str) -> Block | str | None:
        if "secret" in text:
            return Block("That looks like a secret.")
        return text.replace("bother", "b****r") if "bother" in text else None

    @plugin.filter(stage="outbound", on_error="block")
    async def outward(_ctx: Context, text: str) -> Block | str | None:
        return Block("I must not say that.") if "password" in text else text.replace("x", "y")

    async with running(plugin) as bot:
        assert (await bot.say("my secret")).text == "That looks like a secret."
        assert not bot.claude.requests
        bot.claude.script.next("xxx", "the password is 1234")
        assert (await bot.say("bother")).text == "yyy"
        assert "b****r" in json.dumps(bot.claude.requests[0].body)
        assert (await bot.say("tell me")).text == "I must not say that."
        shown = [text for posted in bot.platform.posted.values() for text in posted.versions]
        assert not [text for text in shown if "password" in text or "xxx" in text]


@pytest.mark.parametrize(("on_error", "outcome"), [("block", "blocked"), ("allow", "answered")])
async def test_a_filter_that_fails(on_error: Literal["block", "allow"], outcome: str) -> None:
    """Its author has said what that means."""
    plugin = Plugin("guard", api=1)

    @plugin.filter(stage="inbound", on_error=on_error)
    async def broken(_ctx: Context, _text: str) -> None:
        raise RuntimeError("no")

    async with running(plugin) as bot:
        heard = await bot.say("hello")
        assert heard.outcome == outcome
        assert "RuntimeError" not in heard.text


async def test_jobs_run_at_their_time_and_can_speak() -> None:
    """A job posts to a channel, once; and it can put a question to the bot in somebody's name."""
    plugin = Plugin("clock", api=1)
    times: list[int] = []

    @plugin.job(cron="0 8 * * *")
    async def morning(ctx: Context) -> None:
        times.append(ctx.now().hour)
        channel = bot.platform.thread().channel
        for _ in range(2):
            await ctx.post(channel, "Good morning!", key=f"{ctx.now():%Y-%m-%d}")
        await ctx.ask_bot(channel, MEMBER, "What is new?", key=f"{ctx.now():%Y-%m-%d}")

    async with running(plugin) as bot:
        bot.claude.script.next("Nothing.")
        now = bot.clock.now()
        seconds = ((8 - now.hour - 1) % 24) * 3600 + (60 - now.minute) * 60 - now.second + 1
        bot.clock.move(seconds)
        await bot.announced("Nothing.")
        await bot.announced("Good morning!")
        said = [each.text for each in bot.platform.posted.values()]
        assert said.count("Good morning!") == 1
        assert times == [8]


async def test_a_plugin_keeps_things_by_scope() -> None:
    """For a person, a channel, everywhere; and changes them without anybody coming between."""
    plugin = Plugin("counter", api=1)

    @plugin.command("count")
    async def count(ctx: Context) -> str:
        """Count."""
        mine = await ctx.store.user.update("n", lambda n: (n or 0) + 1)
        ours = await ctx.store.channel.update("n", lambda n: (n or 0) + 1)
        await ctx.store.everywhere.set("last", ctx.person.name)
        return f"{mine} {ours} {await ctx.store.everywhere.get('last')}"

    async with running(plugin) as bot:
        assert (await bot.say("/count")).text == "1 1 Ada"
        assert (await bot.say("/count", by=ADMIN)).text == "1 2 Grace"
        assert (await bot.say("count!")).text == "2 3 Ada", "its bare name alone does as well"


async def test_what_a_plugin_asks_claude_is_counted_as_its_own() -> None:
    """In the ledger, under the plugin's name."""
    plugin = Plugin("thinker", api=1)

    @plugin.command("think")
    async def think(ctx: Context, about: str) -> str:
        """Think."""
        ctx.show("thinking …")
        results = await ctx.claude.map([f"{about} {number}" for number in range(3)])
        return " ".join(result.text for result in results)

    async with running(plugin) as bot:
        bot.claude.script.always("Hm.")
        assert (await bot.say("/think life")).text == "Hm. Hm. Hm."
        await wait_until(lambda: len(bot.claude.bill().rows) == 3, 5.0, what="three requests")


async def test_a_plugin_brings_a_platform() -> None:
    """It is connected like any other, made from the plugin's settings, and people talk there."""
    made: list[MemoryPlatform] = []

    class Irc(BaseModel):
        network: str = "libera"

    plugin = Plugin("irc", api=1, settings=Irc)

    @plugin.adapter("irc")
    class IrcAdapter(MemoryAdapter):
        """A platform in memory, under another name."""

        @classmethod
        def from_setup(cls, setup: AdapterSetup) -> "IrcAdapter":
            """As an adapter from an entry point."""
            made.append(MemoryPlatform(name=str(setup.settings["network"])))
            return cls(platform=made[0])

        @property
        def name(self) -> str:
            """As it is declared."""
            return "irc"

    async with running(plugin, {"network": "irc"}) as bot:
        bot.claude.script.next("Hello over there.")
        made[0].say("Hello?")
        shown = made[0].visible(made[0].thread())
        await wait_until(
            lambda: (
                [each.text for each in made[0].visible(made[0].thread())] == ["Hello over there."]
            ),
            10.0,
            what=f"an answer on the plugin's platform, not {shown}",
        )
