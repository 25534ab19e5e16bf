"""The simulated tokenizer: what it counts and how it cuts."""

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.claude.media import BadMedia, Image, decode, image_tokens, pdf_pages, read_image
from sandbox.claude.tokens import count_block, count_text, split_tokens

PROSE = (
    "Whatever you write is stored before it is acknowledged. Duplicates, which every chat platform "
    "sends now and then, are recognised by the message's own id and dropped."
)


@given(st.text(max_size=300))
def test_the_tokens_of_a_text_join_up_to_it(text: str) -> None:
    """Cutting at a token loses not one character, and the count is the number of pieces."""
    assert "".join(split_tokens(text)) == text
    assert count_text(text) == len(split_tokens(text))


def test_prose_has_about_as_many_tokens_as_the_real_tokenizer_makes() -> None:
    """Between three and four and a half characters a token."""
    assert 3.0 < len(PROSE) / count_text(PROSE) < 4.5


def test_a_long_text_counts_as_its_parts() -> None:
    """Beyond the size that is remembered, the measure is the same."""
    assert count_text("word " * 10_000) == 10_000 * count_text(" word") + 1


def _png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height)


IMAGES = {
    "png": (_png(30, 20), Image("image/png", 30, 20)),
    "gif": (b"GIF89a" + struct.pack("<HH", 30, 20), Image("image/gif", 30, 20)),
    "jpeg": (
        b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x11\x08" + struct.pack(">HH", 20, 30) + b"\x03",
        Image("image/jpeg", 30, 20),
    ),
    "webp, extended": (
        b"RIFF\0\0\0\0WEBPVP8X"
        + b"\0" * 8
        + (29).to_bytes(3, "little")
        + (19).to_bytes(3, "little"),
        Image("image/webp", 30, 20),
    ),
    "webp, lossless": (
        b"RIFF\0\0\0\0WEBPVP8L" + b"\0" * 4 + b"\x2f" + struct.pack("<I", 29 | 19 << 14),
        Image("image/webp", 30, 20),
    ),
    "webp, lossy": (
        b"RIFF\0\0\0\0WEBPVP8 " + b"\0" * 10 + struct.pack("<HH", 30, 20),
        Image("image/webp", 30, 20),
    ),
}


@pytest.mark.parametrize("kind", IMAGES)
def test_an_image_tells_its_type_and_size(kind: str) -> None:
    """All four kinds are read from their first bytes."""
    content, expected = IMAGES[kind]
    assert read_image(content) == expected


@pytest.mark.parametrize("content", [b"", b"BM", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF"])
def test_what_is_no_image_is_refused(content: bytes) -> None:
    """Unknown or cut off, it can't be processed."""
    with pytest.raises(BadMedia, match="Could not process image"):
        read_image(content)


@given(st.binary(max_size=60))
def test_no_bytes_break_the_image_reader(content: bytes) -> None:
    """Whatever comes is an image or is refused."""
    for magic in (b"\x89PNG\r\n\x1a\n", b"GIF8", b"\xff\xd8", b"RIFF", b""):
        try:
            read_image(magic + content)
        except BadMedia:
            continue


def test_an_image_counts_by_its_area_after_scaling_down() -> None:
    """Width times height by 750, and never more than the largest."""

    def tokens(width: int, height: int) -> int:
        data = base64.b64encode(_png(width, height)).decode()
        source = {"type": "base64", "media_type": "image/png", "data": data}
        return image_tokens({"type": "image", "source": source})

    assert tokens(750, 100) == 100
    assert tokens(1, 1) == 1
    assert tokens(8_000, 8_000) == 1_600
    assert tokens(3_136, 1_000) == 1_568 * 500 // 750


def test_a_pdf_counts_by_its_pages() -> None:
    """Two thousand tokens a page; the page tree itself is no page."""
    raw = b"%PDF-1.7 /Type /Pages /Type /Page /Type/Page"
    source = {"type": "base64", "data": base64.b64encode(raw).decode()}
    assert pdf_pages(source) == 2
    assert count_block({"type": "document", "source": source}) == 4_000


@pytest.mark.parametrize("data", ["", "***", "A", 7, None])
def test_what_is_not_base64_is_refused(data: object) -> None:
    """The reason is an error of its own, not one of the decoder's."""
    with pytest.raises(BadMedia):
        decode(data)


def test_marks_and_signatures_count_nothing() -> None:
    """A cache mark changes neither the count nor, therefore, the bill."""
    text = {"type": "text", "text": PROSE}
    assert count_block({**text, "cache_control": {"type": "ephemeral"}}) == count_block(text)
    thinking = {"type": "thinking", "thinking": "", "signature": "a"}
    assert count_block({**thinking, "signature": "a" * 400}) == count_block(thinking)
