"""Files that come with a message: read where Claude can, and named where it can't."""

import base64
import hashlib

import pytest

from bot.ports import PlatformUnavailable
from bot.vocabulary import Attachment
from tests.engine_rig import Asked, engine

GIF = "GIF89a\x02\x00\x02\x00\x00\x00\x00;"
PDF = "%PDF-1.4\n1 0 obj << /Type /Page >> endobj\n%%EOF"


def _file(name: str, media_type: str, content: str) -> Attachment:
    """The platform in memory takes a file's `source` for its content."""
    return Attachment(name, media_type, len(content.encode()), content)


def _kinds(asked: Asked) -> list[str]:
    return [block["type"] for block in asked.blocks]


async def test_an_image_is_seen_and_stays_in_the_conversation(ready_url: str) -> None:
    """The picture goes along unchanged, with the question and with those after it."""
    async with engine(ready_url) as rig:
        message = rig.say("What is this?", attachments=[_file("cat.gif", "image/gif", GIF)])
        await rig.answer_to(message)
        (image, text) = rig.asked[-1].blocks
        assert base64.b64decode(image["source"]["data"]) == GIF.encode()
        assert image["source"]["media_type"] == "image/gif"
        assert text["text"].endswith("What is this?")
        await rig.ask("And its colour?")
        first = rig.claude.requests[-1].body["messages"][0]["content"]
        assert [block["type"] for block in first] == ["image", "text"]
        assert first[0]["source"] == image["source"]


async def test_a_pdf_is_read(ready_url: str) -> None:
    """A PDF goes along as a document under its own name."""
    async with engine(ready_url) as rig:
        await rig.answer_to(
            rig.say("Summarise.", attachments=[_file("plan.pdf", "application/pdf", PDF)])
        )
        (document, _) = rig.asked[-1].blocks
        assert document["type"] == "document"
        assert document["title"] == "plan.pdf"
        assert base64.b64decode(document["source"]["data"]) == PDF.encode()


async def test_what_a_pdf_may_cost_is_reserved(ready_url: str) -> None:
    """Its pages can't be seen from here, so the provider is asked how many tokens they have; the books
    expect at least what is billed in the end."""
    pages = "".join(f"{n} 0 obj << /Type /Page >> endobj\n" for n in range(40))
    async with engine(ready_url) as rig:
        book = _file("book.pdf", "application/pdf", f"%PDF-1.4\n{pages}%%EOF")
        await rig.answer_to(rig.say("Summarise.", attachments=[book]))
        await rig.ask("Shorter.")
        entries = await rig.ledger()
        billed = [
            entry.input_tokens + entry.cache_write_5m_tokens + entry.cache_read_tokens
            for entry in entries
        ]
        assert max(billed) > 40_000
        assert all(
            entry.expected_input_tokens >= tokens
            for entry, tokens in zip(entries, billed, strict=True)
        )


@pytest.mark.parametrize(
    ("name", "media_type"),
    [("notes.txt", "text/plain"), ("data.json", "application/json"), ("a.rs", "application/x-b")],
)
async def test_a_text_file_is_read_as_text(ready_url: str, name: str, media_type: str) -> None:
    """Plain text, by its type or its name's ending, stands in front of the question."""
    async with engine(ready_url) as rig:
        await rig.answer_to(
            rig.say("Explain.", attachments=[_file(name, media_type, "naïve = 1\n")])
        )
        assert rig.asked[-1].text == (
            f"[The file {name}:]\nnaïve = 1\n\n[End of {name}]\n[Ada says:]\nExplain."
        )


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (_file("big.gif", "image/gif", GIF + " " * 100), "it is larger than 5e-05 MB"),
        (
            _file("song.mp3", "audio/mpeg", "la la"),
            "files of the type audio/mpeg are not understood",
        ),
        (_file("page.gif", "image/gif", "<html>Log in</html>"), "it is not an image in fact"),
        (_file("form.pdf", "application/pdf", "<html>Log in</html>"), "it is not a PDF in fact"),
        (Attachment("liar.txt", "text/plain", 1, "x" * 200), "it could not be downloaded"),
    ],
    ids=["too-large", "unknown-type", "no-image", "no-pdf", "larger-than-said"],
)
async def test_what_cannot_be_read_is_said(ready_url: str, file: Attachment, why: str) -> None:
    """Claude is told of the file that it does not get to see, and the question is answered."""
    config = "[context]\nmax_image_bytes = 50\nmax_text_bytes = 100"
    async with engine(ready_url, config) as rig:
        end = await rig.end_of(rig.say("Look.", attachments=[file]))
        assert end.outcome == "answered"
        assert _kinds(rig.asked[-1]) == ["text", "text"]
        assert rig.asked[-1].blocks[0]["text"] == (
            f"[The file {file.name} is attached but could not be read: {why}.]"
        )


async def test_a_failing_download_is_said(ready_url: str) -> None:
    """The platform does not give the file away: the question is answered without it."""
    async with engine(ready_url) as rig:
        rig.platform.fail("fetch", PlatformUnavailable("down"))
        file = _file("notes.txt", "text/plain", "hello")
        end = await rig.end_of(rig.say("Look.", attachments=[file]))
        assert end.outcome == "answered"
        assert "could not be downloaded" in rig.asked[-1].text


async def test_an_image_under_a_wrong_type_is_sent_under_its_own(ready_url: str) -> None:
    """Platforms guess types by the name's ending; the provider refuses a wrong one."""
    async with engine(ready_url) as rig:
        file = _file("cat.png", "image/png", GIF)
        end = await rig.end_of(rig.say("Look.", attachments=[file]))
        assert end.outcome == "answered"
        assert rig.asked[-1].blocks[0]["source"]["media_type"] == "image/gif"


async def test_only_so_many_files_are_read(ready_url: str) -> None:
    """Beyond the limit each file is named, and not fetched."""
    async with engine(ready_url, "[context]\nmax_attachments = 2") as rig:
        files = [_file(f"{n}.txt", "text/plain", f"content {n}") for n in range(3)]
        await rig.answer_to(rig.say("Look.", attachments=files))
        assert rig.platform.requests.count("fetch") == 2
        assert "[The file 2.txt is attached but could not be read: at most 2 files" in (
            rig.asked[-1].text
        )


async def test_a_file_sent_twice_is_kept_once(ready_url: str) -> None:
    """The same bytes in another message go along again, under the same hash."""
    async with engine(ready_url) as rig:
        for number in range(2):
            file = _file(f"{number}.gif", "image/gif", GIF)
            await rig.answer_to(rig.say(f"Look {number}.", attachments=[file]))
        assert _kinds(rig.asked[-1]) == ["image", "text"]
        kept = await rig.attachments()
        assert kept == [hashlib.sha256(GIF.encode()).hexdigest()]
