"""The transcript: the file is the truth, whatever killed, tore or filled it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.terminal.transcript import KEPT_ENTRIES, Transcript
from bot.ports import MessageGone, Part, PlatformError, PlatformUnavailable
from bot.vocabulary import ManualClock

Open = Callable[..., Transcript]
Line = tuple[str, str, bool, bool]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the transcript is, in a folder that is not there yet."""
    return tmp_path / "data" / "terminal.jsonl"


@pytest.fixture
def opened(path: Path) -> Iterator[Open]:
    """Opens the transcript as a new process does: the one before is gone."""
    transcripts: list[Transcript] = []

    def reopen(**given: int) -> Transcript:
        for old in transcripts:
            old.close()
        transcripts.append(Transcript(path=path, clock=ManualClock(), **given))
        transcripts[-1].open()
        return transcripts[-1]

    yield reopen
    for transcript in transcripts:
        transcript.close()


def part(text: str, *, mark: str = "t.0", final: bool = True) -> Part:
    """A part of a reply."""
    return Part(mark=mark, markdown=text, final=final)


def conversation(transcript: Transcript) -> list[Line]:
    """All that can be known of it."""
    return [(e.mark or "", e.text, e.final, e.seen or e.settled) for e in transcript.entries]


def test_a_conversation_is_read_back(opened: Open) -> None:
    """Lines, posts, edits, deletions, and what was seen and settled are there for the next process."""
    first = opened()
    first.say("main", "Hello?\nAnd more: \x1b[1m \ud83d \u2028")
    answer = first.post("main", part("Hel", final=False))
    first.edit(answer.id, part("Hello!"))
    first.see(answer.id)
    first.delete(first.post("main", part("too much", mark="t.1")).id)
    first.settle("main")
    first.say("main", "Bye.")
    before = conversation(first)
    second = opened()
    assert conversation(second) == before
    assert [entry.text for entry in second.owed] == ["Bye."]
    assert second.find("main", "t.0") == answer.id
    assert second.find("main", "t.1") is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(texts=st.lists(st.text(st.characters(), max_size=40), min_size=1, max_size=8))
def test_every_edit_is_read_back(opened: Open, path: Path, texts: list[str]) -> None:
    """Whatever the texts of an answer were, the last one is what the next process reads."""
    path.unlink(missing_ok=True)
    transcript = opened()
    entry = transcript.post("main", part(texts[0], final=False))
    for text in texts:
        transcript.edit(entry.id, part(text, final=False))
    assert [e.text for e in opened().entries] == [texts[-1]]


def test_a_long_answer_is_written_once(opened: Open, path: Path) -> None:
    """An edit that adds a word adds about a word to the file, not the whole answer again."""
    transcript = opened()
    text = "word " * 2000
    entry = transcript.post("main", part(text, final=False))
    size = path.stat().st_size
    transcript.edit(entry.id, part(f"{text}and one more", final=False))
    assert path.stat().st_size - size < 200


def test_a_file_that_was_cut_anywhere_can_be_read(opened: Open, path: Path) -> None:
    """After a kill in the middle of a record everything before it is there, and new records follow."""
    transcript = opened()
    transcript.say("main", "one")
    whole = path.stat().st_size
    transcript.post("main", part("a long enough answer"))
    transcript.close()
    content = path.read_bytes()
    for length in range(whole, len(content) - 1):
        path.write_bytes(content[:length])
        again = opened()
        assert [entry.text for entry in again.entries] == ["one"]
        again.post("main", part("anew"))
        assert [entry.text for entry in opened().entries] == ["one", "anew"]


@pytest.mark.parametrize(
    "garbage", [b"\x00\xff\xfe", b"[]", b'{"do":"edit"}', b'{"do":"dance"}', b"1"]
)
def test_lines_that_are_no_records_are_passed_over(
    opened: Open, path: Path, garbage: bytes
) -> None:
    """A file that somebody has edited badly still opens."""
    opened().say("main", "one")
    with path.open("ab") as file:
        file.write(garbage + b"\n")
    assert [entry.text for entry in opened().entries] == ["one"]


def test_the_file_stays_short(opened: Open, path: Path) -> None:
    """Beyond its limit the file is written anew: the newest entries and what is owed stay."""
    transcript = opened(max_bytes=50_000)
    owed = transcript.say("elsewhere", "still owed")
    sizes = []
    for number in range(2000):
        transcript.say("main", f"question {number}")
        transcript.see(transcript.post("main", part(f"answer {number}", mark=f"{number}.0")).id)
        transcript.settle("main")
        sizes.append(path.stat().st_size)
    again = opened(max_bytes=50_000)
    texts = [entry.text for entry in again.entries]
    assert max(sizes) < 200_000
    assert len(texts) <= KEPT_ENTRIES + 1
    assert texts[-2:] == ["question 1999", "answer 1999"]
    assert [entry.id for entry in again.owed] == [owed.id]
    assert all(entry.seen for entry in again.entries if entry.mark is not None)


def test_a_message_that_is_gone_can_not_be_changed(opened: Open) -> None:
    """Neither one that was deleted, nor one that never was, nor what a person said."""
    transcript = opened()
    deleted = transcript.post("main", part("Hello"))
    transcript.delete(deleted.id)
    for message_id in (deleted.id, "none", transcript.say("main", "mine").id):
        with pytest.raises(MessageGone):
            transcript.edit(message_id, part("Hello?"))


def test_two_processes_can_not_share_a_transcript(opened: Open, path: Path) -> None:
    """The second is told that there is a first; when that has gone, it may."""
    first, second = opened(), Transcript(path=path, clock=ManualClock())
    with pytest.raises(PlatformError, match=r"another conversation is using .*terminal\.jsonl"):
        second.open()
    first.close()
    second.open()
    second.close()


def test_an_unusable_path_is_explained(path: Path) -> None:
    """The message names the file."""
    path.parent.write_text("a file where a folder should be")
    with pytest.raises(PlatformError, match=r"terminal\.jsonl can't be used"):
        Transcript(path=path, clock=ManualClock()).open()


def test_a_closed_transcript_is_unavailable(path: Path) -> None:
    """Writing before opening is an error of the port, not of Python."""
    with pytest.raises(PlatformUnavailable, match="is not open"):
        Transcript(path=path, clock=ManualClock()).say("main", "Hello")


def test_others_can_not_read_it(opened: Open, path: Path) -> None:
    """What people say to the bot is for its owner alone, also after the file was written anew."""
    transcript = opened(max_bytes=10)
    transcript.say("main", "a secret")
    assert path.stat().st_mode & 0o077 == 0
