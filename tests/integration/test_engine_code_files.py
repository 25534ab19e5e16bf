"""Long code in an answer, on a platform where it is better read as a file."""

import pytest

from bot.ports import Capabilities, PlatformBusy, PlatformUnavailable
from sandbox.claude import Reply
from tests.engine_rig import Rig, engine
from tests.support import wait_until

CODE = "".join(f"print({number})  # {'é' * 20}\n" for number in range(60))
ANSWER = f"Here it is:\n\n```python\n{CODE}```\n\nRun it."
SHOWN = "Here it is:\n\n_See the file `answer.py`._\n\nRun it."
FILES = Capabilities(max_chars=400, code_file_over_chars=1000)


def sent(rig: Rig) -> list[tuple[str, bytes]]:
    """The files that are to be seen: name and content."""
    return [(each.file.name, each.file.content) for each in rig.shown() if each.file is not None]


async def test_long_code_comes_as_a_file(ready_url: str) -> None:
    """One message names the file, which has the code to the byte; Claude's history has it whole."""
    async with engine(ready_url, capabilities=FILES) as rig:
        rig.claude.script.always(ANSWER)
        await rig.ask("A script, please.")
        assert rig.shown()[0].text == SHOWN
        assert sent(rig) == [("answer.py", CODE.encode())]
        rig.claude.script.always("You are welcome.")
        await rig.ask("Thank you.")
        assert ("assistant", ANSWER) in rig.asked[-1].said


async def test_it_is_not_shown_in_full_while_it_is_written(ready_url: str) -> None:
    """No message of it comes and goes: the file is named as soon as the code is long."""
    async with engine(ready_url, capabilities=FILES) as rig:
        rig.claude.script.always(ANSWER)
        rig.claude.hold(after_chunks=200)
        question = rig.say("A script, please.")
        await rig.shows("answer.py")
        assert len(rig.shown()) == 1
        rig.claude.release()
        await rig.end_of(question)
        assert len(rig.shown()) == 2


async def test_a_stopped_answer_keeps_the_code_so_far(ready_url: str) -> None:
    """Cut off within the code, what there is of it comes as a file."""
    async with engine(ready_url, capabilities=FILES) as rig:
        rig.claude.script.always(ANSWER)
        rig.claude.hold(after_chunks=250)
        question = rig.say("A script, please.")
        await rig.shows("answer.py")
        rig.platform.stop(rig.thread(), question.author)
        ended = await rig.end_of(question)
        assert ended.outcome == "stopped"
        ((name, content),) = sent(rig)
        assert name == "answer.py"
        assert CODE.encode().startswith(content.rstrip())
        assert len(content) > 1000
        assert rig.shown()[0].text == f"{SHOWN.partition('._')[0]}._\n\n_Stopped._"


async def test_a_note_below_code_that_was_cut_off_is_no_code(ready_url: str) -> None:
    """Stopped or at its limit within a block of code, the answer says so below it."""
    async with engine(ready_url, "[replies]\nfooter = true") as rig:
        rig.claude.script.always(Reply("```python\nprint(1)", stop_reason="max_tokens"))
        text = await rig.ask("A script, please.")
        assert text.startswith("```python\nprint(1)\n```\n\n")
        assert text.count("```") == 2
        rig.claude.script.always("```python\nprint(1)")
        assert "print(1)\n```\n\n_claude-" in await rig.ask("Once more.")


async def test_a_known_answer_brings_its_file_again(ready_url: str) -> None:
    """From the answer cache it comes as it came at first."""
    async with engine(ready_url, capabilities=FILES) as rig:
        rig.claude.script.always(ANSWER)
        await rig.ask("A script, please.")
        place = rig.thread("2")
        await rig.ask("A script, please.", thread=place)
        assert rig.shown(place)[0].text == SHOWN
        assert len(rig.asked) == 1
        files = [each.file for each in rig.shown(place) if each.file is not None]
        assert [file.content for file in files] == [CODE.encode()]


async def test_a_file_whose_sending_was_lost_is_sent_once(
    ready_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The platform takes the file and its answer is lost: it is found and not sent again."""
    monkeypatch.setattr("bot.engine.delivery.FIRST_REDELIVERY_S", 3600.0)
    async with engine(ready_url, capabilities=FILES, idempotent=False) as rig:
        rig.claude.script.always(ANSWER)
        rig.platform.fail("send_file", PlatformUnavailable("no answer"), acted=True)
        question = rig.say("A script, please.")
        await wait_until(lambda: sent(rig), what="the file")
        await rig.end_of(question)
        assert sent(rig) == [("answer.py", CODE.encode())]


async def test_a_file_comes_as_soon_as_a_busy_platform_allows(
    ready_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not only when the whole answer would be delivered again."""
    monkeypatch.setattr("bot.engine.delivery.FIRST_REDELIVERY_S", 3600.0)
    async with engine(ready_url, capabilities=FILES) as rig:
        rig.claude.script.always(ANSWER)
        rig.platform.fail("send_file", PlatformBusy("slow down", retry_after_s=0.1), times=2)
        await rig.ask("A script, please.")
        assert sent(rig) == [("answer.py", CODE.encode())]


async def test_it_is_text_where_files_are_no_better(ready_url: str) -> None:
    """A platform that does not ask for it gets the whole answer as text."""
    async with engine(ready_url, capabilities=Capabilities(max_chars=5000)) as rig:
        rig.claude.script.always(ANSWER)
        assert await rig.ask("A script, please.") == ANSWER
        assert sent(rig) == []
