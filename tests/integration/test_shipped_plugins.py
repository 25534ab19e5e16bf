"""The plugins that ship, each in a whole bot."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.plugins import Context, Plugin, PluginError
from bot.vocabulary import Attachment, Message
from plugins import catchup, core, extract, guard, remind
from sandbox.claude import Fault, Pace, Reply
from sandbox.claude.script import ToolCall
from sandbox.testing import ADMIN, MEMBER, Bot, running

KEY = "sk-ant-" + "a1B2" * 8


async def test_guard_takes_secrets_out_of_questions_and_answers() -> None:
    """Claude does not get to see them, and neither does the channel; nothing is shown half-written."""
    async with running(guard.plugin) as bot:
        bot.claude.script.next(f"You said {KEY}, did you?")
        heard = await bot.say(f"my key is {KEY}, ok?")
        assert heard.text == "You said [an Anthropic key was removed here], did you?"
        assert KEY not in json.dumps(bot.claude.requests[0].body)
        shown = [text for each in bot.platform.posted.values() for text in each.versions]
        assert not [text for text in shown if "a1B2" in text]


async def test_guard_sees_files_what_commands_read_and_what_tools_return() -> None:
    """Whatever way a secret takes to Claude, it is taken out."""
    leaky = Plugin("leaky", api=1)

    @leaky.tool()
    async def look(_ctx: Context) -> str:
        """Look."""
        return f"the key is {KEY}"

    async with running(guard.plugin, others=(leaky, extract.plugin)) as bot:
        text = f"key = {KEY}\nname = Ada"
        file = Attachment("settings.ini", "text/plain", len(text), text)

        def send(said: str) -> Message:
            return bot.platform.say(
                said, thread=bot.platform.thread(), author=MEMBER, attachments=[file]
            )

        bot.claude.script.next("I see.")
        await bot.answer_to(send("what is this?"))
        bot.claude.script.next(Reply.of_json({"rows": [{"f_name": "Ada"}]}))
        assert "| Ada |" in (await bot.answer_to(send("/extract name"))).text
        bot.claude.script.next(Reply(tool_calls=(ToolCall("leaky__look", {}),)), "I looked.")
        assert (await bot.say("look")).text == "I looked."
        asked = json.dumps([dict(each.body) for each in bot.claude.requests])
        assert "name = Ada" in asked
        assert asked.count("an Anthropic key was removed here") >= 3
        assert "a1B2" not in asked


async def test_guard_keeps_a_file_or_a_result_back_if_it_is_to_block() -> None:
    """The person is told of the file, and Claude of the result."""
    leaky = Plugin("leaky", api=1)

    @leaky.tool()
    async def look(_ctx: Context) -> str:
        """Look."""
        return KEY

    async with running(guard.plugin, {"inbound": "block"}, others=(leaky,)) as bot:
        file = Attachment("key.txt", "text/plain", len(KEY), KEY)
        thread = bot.platform.thread()
        message = bot.platform.say("here", thread=thread, author=MEMBER, attachments=[file])
        assert "let it go no further" in (await bot.answer_to(message)).text
        assert not bot.claude.requests
        bot.claude.script.next(Reply(tool_calls=(ToolCall("leaky__look", {}),)), "A pity.")
        assert (await bot.say("look")).text == "A pity."
        assert "A filter keeps from you" in json.dumps(bot.claude.requests[-1].body["messages"])


async def test_a_filter_may_read_the_files_itself() -> None:
    """As they are; nothing goes round in circles."""
    plugin = Plugin("reader", api=1)
    seen: list[bytes] = []

    @plugin.filter(stage="inbound", on_error="block")
    async def read(ctx: Context, text: str) -> str:
        seen.extend([await ctx.read(each) for each in ctx.message.attachments])
        return text.upper()

    async with running(plugin) as bot:
        file = Attachment("a.txt", "text/plain", 5, "quiet")
        thread = bot.platform.thread()
        bot.claude.script.next("Loud.")
        message = bot.platform.say("psst", thread=thread, author=MEMBER, attachments=[file])
        assert (await bot.answer_to(message)).text == "Loud."
        assert set(seen) == {b"quiet"}
        assert "QUIET" in json.dumps(bot.claude.requests[0].body["messages"])


async def test_guard_can_block_instead() -> None:
    """With a plain sentence; what is harmless goes through."""
    settings = {"inbound": "block", "patterns": [r"project-\d+"]}
    async with running(guard.plugin, settings) as bot:
        assert "let it go no further" in (await bot.say("about project-77")).text
        assert not bot.claude.requests
        bot.claude.script.next("Hello.")
        assert (await bot.say("about projects")).text == "Hello."


async def test_guard_refuses_a_pattern_that_is_none() -> None:
    """Before anything starts, and it says which."""
    with pytest.raises(PluginError, match="no regular expression"):
        async with running(guard.plugin, {"patterns": ["("]}):
            pass


async def test_entities_of_a_thread_become_a_table() -> None:
    """Read from what was said, with a CSV and a JSON file; the cost is the plugin's."""
    async with running(extract.plugin) as bot:
        bot.claude.script.next("Noted.")
        await bot.say("Ada Lovelace met Charles Babbage in London.")
        rows = [{"kind": "person", "name": "Ada Lovelace", "about": "met Babbage"}]
        bot.claude.script.next(Reply.of_json({"rows": rows}))
        heard = await bot.say("/entities")
        assert "| person | Ada Lovelace | met Babbage |" in heard.text
        assert [file.name for file in heard.files] == ["extract.csv", "extract.json"]
        assert json.loads(heard.files[1].content)[0]["Name"] == "Ada Lovelace"
        assert "Charles Babbage" in json.dumps(bot.claude.requests[-1].body["messages"])


async def test_fields_of_a_file_become_a_table() -> None:
    """The columns are those that were asked for, with their types; a formula in a cell is defused."""
    async with running(extract.plugin) as bot:
        bot.claude.script.next(
            Reply.of_json({"rows": [{"f_name": "=cmd()", "f_amount": 12.5, "f_due": "2026-12-01"}]})
        )
        text = "=cmd() owes 12.5 until December 1st"
        message = bot.platform.say(
            "/extract name, amount: number and due: date",
            thread=bot.platform.thread(),
            author=MEMBER,
            attachments=[Attachment("debts.txt", "text/plain", len(text), text)],
        )
        heard = await bot.answer_to(message)
        assert "| =cmd() | 12.5 | 2026-12-01 |" in heard.text
        assert heard.files[0].content == b"name,amount,due\r\n'=cmd(),12.5,2026-12-01\r\n"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("/extract", "fields: Field required"),
        ("/extract a: colour", "`colour` is no kind of field"),
        ("/extract name", "There is nothing to read"),
    ],
)
async def test_what_cannot_be_extracted_is_told(said: str, told: str) -> None:
    """In a sentence, at no cost."""
    async with running(extract.plugin) as bot:
        assert told in (await bot.say(said)).text
        assert not bot.claude.requests


async def test_a_table_that_cannot_be_made_is_told() -> None:
    """Claude is asked once more, and then the person is told."""
    async with running(extract.plugin) as bot:
        bot.claude.script.next("Noted.", "no JSON", "still none")
        await bot.say("Nothing in particular.")
        assert "could not make a table" in (await bot.say("/extract name")).text


async def _moved_to(bot: Bot, weekday: int, hour: int) -> datetime:
    """Move the clock to the next such hour."""
    now = bot.clock.now()
    then = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    while then <= now or then.weekday() != weekday:
        then += timedelta(days=1)
    bot.clock.move((then - now).total_seconds() + 1)
    return then


async def test_a_reminder_asks_every_week() -> None:
    """In the channel, in the person's name, answered by Claude; once for each time."""
    async with running(remind.plugin) as bot:
        bot.claude.script.next("Not much.", "A little.")
        heard = await bot.say("/remind every Monday at 9 ask What is new?")
        assert heard.text == "Reminder 1: every Monday at 09:00 (UTC) I will ask: What is new?"
        await _moved_to(bot, 0, 9)
        await bot.announced("Not much.")
        assert (
            "| 1 | every Monday at 09:00 (UTC) | What is new? | Ada |"
            in (await bot.say("/reminders")).text
        )
        await _moved_to(bot, 0, 9)
        await bot.announced("A little.")
        assert len(bot.claude.requests) == 2


async def test_a_reminder_is_asked_once_and_can_be_cancelled() -> None:
    """By whoever made it, or by an admin."""
    async with running(remind.plugin) as bot:
        await bot.say("/remind in 2 hours ask Tea?")
        await bot.say("/remind tomorrow at 14:30 to drink", by=ADMIN)
        assert "only they or an admin" in (await bot.say("/unremind 2")).text
        assert (await bot.say("/unremind 1", by=ADMIN)).text == "Reminder 1 is cancelled."
        assert (await bot.say("/unremind 2", by=ADMIN)).text == "Reminder 2 is cancelled."
        assert "no reminders" in (await bot.say("/reminders")).text


async def test_forgetting_a_person_cancels_their_reminders_and_nobody_else_s() -> None:
    """The same id elsewhere is somebody else."""
    async with running(core.plugin, others=(remind.plugin,)) as bot:
        await bot.say("/remind in 2 hours ask Tea?")
        await bot.say("/remind in 2 hours ask Coffee?", by=ADMIN)
        store = await bot.kept("remind")
        (mine,) = [
            each for each in store.values() if isinstance(each, dict) and each["text"] == "Tea?"
        ]
        elsewhere = {**mine, "channel": ["terminal", "away", *mine["channel"][2:]]}
        await bot.keep("remind", "reminder terminal:away:general 9", elsewhere)
        await bot.say("/forget-me")
        left = [each for each in (await bot.kept("remind")).values() if isinstance(each, dict)]
        assert sorted((each["text"], each["channel"][1]) for each in left) == [
            ("Coffee?", "home"),
            ("Tea?", "away"),
        ]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("/remind me of something", "did not understand when"),
        ("/remind today at 0:00 ask x", "That time has passed"),
        ("/remind every day at 25 ask x", "no such time"),
        ("/remind 2026-02-31 at 9 ask x", "is no date"),
        ("/unremind 7", "There is no reminder 7"),
    ],
)
async def test_a_time_that_is_not_understood_is_told(said: str, told: str) -> None:
    """With examples that are."""
    async with running(remind.plugin) as bot:
        assert told in (await bot.say(said)).text


def test_local_times_hold_through_the_change_of_the_clocks() -> None:
    """Nine in the morning in Oslo stays nine, although the offset changes in between."""
    zone = ZoneInfo("Europe/Oslo")
    before = datetime(2026, 10, 24, 12, 0, tzinfo=zone)
    at = before.replace(hour=9)
    following = remind._next(list(range(7)), at, before)
    assert (following.day, following.hour) == (25, 9)
    assert following.astimezone(UTC).hour == 8


async def test_catchup_sums_up_the_other_threads() -> None:
    """Newest first, in parallel, with progress on the way; one that fails is named and spoils no other;
    the cost is shown."""
    async with running(catchup.plugin) as bot:
        bot.claude.script.always("Noted.")
        for number in range(3):
            thread = bot.platform.thread(f"t{number}")
            await bot.say(f"subject {number} is important", thread=thread)
        bot.claude.script.clear()
        bot.claude.script.when("subject 1", "It was about one.")
        bot.claude.script.when("subject 2", "It was about two.")
        bot.claude.script.when("subject 0", Reply.refused("cyber"))
        heard = await bot.say("/catchup 2 days", thread=bot.platform.thread("here"))
        lines = heard.text.splitlines()
        assert "“subject 2 is important”: It was about two." in lines[0]
        assert "It was about one." in lines[1]
        assert "“subject 0 is important”: _Claude declined to sum this up._" in lines[2]
        assert lines[-1].startswith("_3 threads, $0.0")
        shown = [text for each in bot.platform.posted.values() for text in each.versions]
        assert [text for text in shown if "░ 0 of 3 threads" in text]


async def test_catchup_fills_its_line_as_threads_finish() -> None:
    """What is done is seen while the rest is under way, and what fails says of what."""
    async with running(
        catchup.plugin, config="[claude]\nmax_attempts = 1\nfallback_models = []"
    ) as bot:
        bot.claude.script.always("Noted.")
        for number in range(4):
            await bot.say(f"subject {number}", thread=bot.platform.thread(f"t{number}"))
        bot.claude.script.clear()
        slow = Reply("Summed up at last.", pace=Pace(first_token_s=3600.0))
        bot.claude.script.when("subject 0", slow)
        bot.claude.script.always("Summed up.")
        bot.claude.fail_next(Fault.of_status(529))
        bot.tell("/catchup", thread=bot.platform.thread("here"))
        told = await bot.announced("▓▓▓▓▓▓▓▓░░ 3 of 4 threads")
        assert told == "▓▓▓▓▓▓▓▓░░ 3 of 4 threads"


async def test_catchup_says_why_a_thread_is_missing() -> None:
    """In one word, and the others are there."""
    async with running(
        catchup.plugin, config="[claude]\nmax_attempts = 1\nfallback_models = []"
    ) as bot:
        bot.claude.script.always("Noted.")
        for number in range(2):
            await bot.say(f"subject {number}", thread=bot.platform.thread(f"t{number}"))
        bot.claude.fail_next(Fault.of_status(529))
        text = (await bot.say("/catchup", thread=bot.platform.thread("here"))).text
        assert text.count("_could not be summed up: overloaded._") == 1
        assert text.count(": Noted.") == 1


async def test_catchup_with_nothing_to_tell() -> None:
    """Says so, and asks Claude nothing."""
    async with running(catchup.plugin) as bot:
        assert "Nothing was said" in (await bot.say("/catchup")).text
        assert "like this" in (await bot.say("/catchup since forever")).text
        assert not bot.claude.requests
