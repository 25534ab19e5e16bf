"""Long threads: what goes along, what is summarised, and what the provider's cache makes of it."""

from itertools import pairwise

from bot.vocabulary import EntryStatus
from sandbox.claude import Fault, Reply
from tests.engine_rig import Asked, engine

WORDS = "These are the words of a plain answer that is about as long as most of them are.\n" * 4
SUMMARY = "They counted upwards from zero."
SUMMARY_HEADING = "[What was said earlier in this conversation, summarised:]"
TOO_LONG = Fault.of_status(400, message="prompt is too long: 210000 tokens > 200000 maximum")
SMALL = "[context]\nmax_input_tokens = 1000\n"


def _answers(asked: list[Asked]) -> list[Asked]:
    return [each for each in asked if "sonnet" in each.model]


def _summaries(asked: list[Asked]) -> list[Asked]:
    return [each for each in asked if "haiku" in each.model]


async def test_a_long_thread_is_trimmed_in_blocks(ready_url: str) -> None:
    """The window only grows until it is halved at once, and then grows again: it never slides."""
    async with engine(ready_url, SMALL) as rig:
        rig.claude.script.when("Summarise the conversation", SUMMARY)
        rig.claude.script.always(WORDS)
        for number in range(20):
            await rig.ask(f"And what comes after {number}?")
        answers = _answers(rig.asked)
        assert len(answers) == 20
        trims = [
            later
            for earlier, later in pairwise(answers)
            if later.said[: len(earlier.said)] != earlier.said
        ]
        assert 2 <= len(trims) <= 4
        for trimmed in trims:
            assert trimmed.said[0] == ("user", f"{SUMMARY_HEADING}\n{SUMMARY}")
            assert trimmed.said[1][0] == "user", "what is kept begins with a question"
        rows = [row for row in rig.claude.bill().rows if "sonnet" in row.model]
        assert max(row.usage.prompt_tokens for row in rows) <= 1000


async def test_a_summary_is_a_ledger_row_of_the_fallback_model(ready_url: str) -> None:
    """What is cut away is summarised by the cheaper model, on the same books as everything else."""
    async with engine(ready_url, SMALL) as rig:
        rig.claude.script.when("Summarise the conversation", SUMMARY)
        rig.claude.script.always(WORDS)
        for number in range(10):
            await rig.ask(f"And what comes after {number}?")
        ledger = await rig.ledger()
        summaries = [row for row in ledger if row.purpose == "summary"]
        assert len(summaries) == len(_summaries(rig.asked)) >= 1
        assert {row.model for row in summaries} == {"claude-haiku-5-5"}
        assert {row.status for row in ledger} == {EntryStatus.COMPLETED.value}
        assert sum(row.cost_nanousd for row in ledger) == rig.claude.bill().total_nanousd


async def test_a_later_summary_takes_up_the_earlier_one(ready_url: str) -> None:
    """Nothing is forgotten at the second trim: the first summary is part of what is summarised."""
    async with engine(ready_url, SMALL) as rig:
        rig.claude.script.when("Summarise the conversation", "First summary.", "Second summary.")
        rig.claude.script.always(WORDS)
        number = 0
        while len(_summaries(rig.asked)) < 2:
            number += 1
            assert number < 30, "two trims should have come by now"
            await rig.ask(f"And what comes after {number}?")
        assert "First summary." in _summaries(rig.asked)[1].whole
        assert "Second summary." in rig.asked[-1].said[0][1]
        assert "First summary." not in rig.asked[-1].whole


async def test_without_a_summary_the_thread_goes_on(ready_url: str) -> None:
    """Where no model will summarise, the thread is trimmed all the same and the question answered."""
    async with engine(ready_url, SMALL) as rig:
        rig.claude.script.when("Summarise the conversation", Reply.refused())
        rig.claude.script.always(WORDS)
        for number in range(10):
            assert await rig.ask(f"And what comes after {number}?") == WORDS
        assert _summaries(rig.asked)
        assert SUMMARY_HEADING not in rig.asked[-1].whole
        assert "after 0?" not in rig.asked[-1].whole


async def test_most_of_a_long_thread_is_read_from_the_cache(ready_url: str) -> None:
    """By the provider's own account at least 80 % of the input of a long thread are cache reads."""
    async with engine(ready_url) as rig:
        rig.claude.script.always(WORDS)
        for number in range(30):
            await rig.ask(f"And what comes after {number}?")
        usage = rig.claude.bill().usage
        assert usage.cache_read_tokens >= 0.8 * usage.prompt_tokens
        last = rig.claude.bill().rows[-1].usage
        assert last.cache_read_tokens >= 0.9 * last.prompt_tokens


async def test_a_thread_that_is_read_by_many_messages_stays_cached(ready_url: str) -> None:
    """More than twenty blocks between two answers, beyond which the provider does not look back."""
    async with engine(ready_url, '[threads]\nfollowups = "mention"\n') as rig:
        rig.claude.script.always(WORDS * 10)
        await rig.ask("Are you there?")
        await rig.ask("Still?")
        for number in range(25):
            rig.say(f"Aside number {number}.", addressed=False)
            await rig.at_rest()
        await rig.ask("And now?")
        earlier, last = (row.usage for row in rig.claude.bill().rows[-2:])
        assert last.cache_read_tokens == earlier.prompt_tokens


async def test_a_context_overflow_is_trimmed_and_answered(ready_url: str) -> None:
    """The provider finds the prompt too long: half of the thread is summarised and asked again."""
    async with engine(ready_url) as rig:
        rig.claude.script.when("Summarise the conversation", SUMMARY)
        for number in range(6):
            await rig.ask(f"And what comes after {number}?")
        rig.claude.fail_next(TOO_LONG)
        rig.claude.script.next("It fits now.", when="One more?")
        assert await rig.ask("One more?") == "It fits now."
        assert SUMMARY in rig.asked[-1].said[0][1]
        assert len(rig.asked[-1].said) < 13
        await rig.ask("And another?")
        assert SUMMARY in rig.asked[-1].said[0][1]


async def test_an_overflow_that_stays_is_told(ready_url: str) -> None:
    """Where even the question alone is too long for the model, the person is told so."""
    async with engine(ready_url) as rig:
        rig.claude.fail_next(TOO_LONG, times=None)
        end = await rig.end_of(rig.say("Read this."))
        assert end.outcome == "too_long"
        assert end.text.startswith("That is too long for me: about ")


async def test_a_question_that_the_provider_refuses_spoils_no_later_one(ready_url: str) -> None:
    """What was refused once would be refused again: it does not stay in the thread."""
    async with engine(ready_url) as rig:
        rig.claude.fail_next(Fault.of_status(400, message="messages.0: something is wrong"))
        end = await rig.end_of(rig.say("Poison?"))
        assert end.outcome == "failed"
        assert "something is wrong" not in end.text
        await rig.ask("Water?")
        assert "Poison?" not in rig.asked[-1].whole


async def test_a_question_beyond_the_limit_is_told_and_forgotten(ready_url: str) -> None:
    """It is neither sent nor kept, so that the thread can go on."""
    async with engine(ready_url, SMALL) as rig:
        answer = await rig.ask("tell me " * 1000)
        assert answer.startswith("That is too long for me: about 2,")
        assert answer.endswith("tokens, and I read 1,000 at most. Please send less, or in parts.")
        assert rig.asked == []
        rig.claude.script.next("Yes.")
        assert await rig.ask("Shorter?") == "Yes."
        assert rig.asked[-1].said == (("user", "[Ada says:]\nShorter?"),)
