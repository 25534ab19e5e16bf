"""Splitting: nothing is lost, every part fits, a cut once made stays, code blocks stay whole."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine.split import MIN_MAX_CHARS, Slice, Splitter, show_unfinished, split
from bot.ports import Capabilities


def utf16_units(text: str) -> int:
    """How Discord counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def escaped_length(text: str) -> int:
    """How a platform counts that escapes what it is sent, as Slack does."""
    return len(text.replace("&", "&amp;").replace("<", "&lt;"))


MEASURES = st.sampled_from([len, utf16_units, escaped_length])
PIECES = st.sampled_from(
    [
        "word", " ", "  ", "\n", "\n\n", "\r\n", "```", "```python\n", "\n```\n", "~~~~ js title\n",
        "\n~~~~\n", "`", "``", "`code`", "- item\n", "1. ```sh\n", "   ```\n", "**bold**", "&<", "é",
        "e\u0301\u0301", "👩‍👩‍👧‍👦", "🇩🇪", "👍🏽", "\ud83d", "漢字", "x" * 37, "```" + "l" * 40 + "\n",
        "`" * 30,
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES | st.text(max_size=12), max_size=60).map("".join)
LIMITS = st.integers(MIN_MAX_CHARS, 120)


def capabilities(max_chars: int = 60, measure: object = len) -> Capabilities:
    """A platform's limit."""
    assert callable(measure)
    return Capabilities(max_chars=max_chars, measure=measure)


def has_open_fence(markdown: str) -> bool:
    """An independent, simple reading of CommonMark's rule for fenced code blocks."""
    marker = ""
    for line in markdown.split("\n"):
        found = re.match(r"[ \t]*(`{3,}|~{3,})(.*)", line.rstrip("\r"))
        if found is None:
            continue
        if not marker:
            marker = "" if found[1][0] == "`" and "`" in found[2] else found[1]
        elif found[1].startswith(marker) and not found[2].strip():
            marker = ""
    return bool(marker)


@given(TEXTS, LIMITS, MEASURES)
def test_loses_nothing_and_fits(text: str, max_chars: int, measure: object) -> None:
    """The raw slices are the text to the character, and every message measures within the limit."""
    platform = capabilities(max_chars, measure)
    slices = Splitter(platform).slices(text)
    assert "".join(piece.raw for piece in slices) == text
    assert all(platform.measure(piece.shown) <= max_chars for piece in slices)
    assert all(piece.raw in piece.shown for piece in slices)


@given(TEXTS, LIMITS, MEASURES)
def test_settled_parts_never_change(text: str, max_chars: int, measure: object) -> None:
    """Fed one character at a time, each prefix gives what splitting it afresh gives, and keeps all
    the parts before the last that an earlier prefix had."""
    platform = capabilities(max_chars, measure)
    splitter, settled = Splitter(platform), list[Slice]()
    for length in range(len(text) + 1):
        slices = splitter.slices(text[:length])
        assert slices[: len(settled)] == settled
        settled = slices[:-1]
    assert slices == Splitter(platform).slices(text)


@given(TEXTS, LIMITS)
def test_messages_are_never_blank(text: str, max_chars: int) -> None:
    """No message is white space alone, and only white space is left out."""
    platform = capabilities(max_chars)
    parts = split(text, platform)
    assert all(part.strip() for part in parts)
    shown = [piece for piece in Splitter(platform).slices(text) if piece.shown in parts]
    assert "".join("".join(piece.raw for piece in shown).split()) == "".join(text.split())


@given(st.lists(st.sampled_from(["short line", "a bit longer line of code", "", "x" * 30])), LIMITS)
def test_code_blocks_are_closed_and_opened_again(lines: list[str], max_chars: int) -> None:
    """Every message of a cut code block is a whole code block in the same language."""
    text = "\n".join(["before", "", "```python", *lines, "```", "", "after"])
    slices = Splitter(capabilities(max(max_chars, 40))).slices(text)
    assert not any(has_open_fence(piece.shown) for piece in slices)
    reopened = [piece for piece in slices if piece.opening]
    assert all(piece.opening == "```python\n" for piece in reopened)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("fits", ["fits"]),
        ("a" * 40, ["a" * 40]),
        ("a" * 20 + "\n\n" + "b" * 10 + "\n" + "c" * 15, ["a" * 20 + "\n\n", "b" * 10 + "\n" + "c" * 15]),
        ("a" * 20 + "\n" + "b b " * 6, ["a" * 20 + "\n", "b b " * 6]),
        ("one two " * 6, ["one two " * 5, "one two "]),
        ("漢" * 50, ["漢" * 40, "漢" * 10]),
        ("a" * 39 + "👍🏽" + "b" * 9, ["a" * 39, "👍🏽" + "b" * 9]),
        ("a" * 39 + "🇩🇪🇫🇷", ["a" * 39, "🇩🇪🇫🇷"]),
        ("a" * 40 + "\u0301" + "b", ["a" * 39, "a\u0301b"]),
        ("tiny\n\n" + "long " * 10, ["tiny\n\n" + "long " * 6, "long " * 4]),
    ],
)  # fmt: skip
def test_where_cuts_are_made(text: str, parts: list[str]) -> None:
    """Between paragraphs, else lines, else words, else characters; never so early that a message is
    hardly begun."""
    assert split(text, capabilities(40)) == parts


def test_a_code_block_is_kept_in_one_message_if_it_can_be() -> None:
    """A cut before a code block is preferred to one inside it."""
    text = "Some words to begin.\n```\ncode\ncode\ncode\n```\n"
    assert split(text, capabilities(40)) == [text[:21], text[21:]]


def test_a_text_that_just_fits_is_one_message() -> None:
    """Room for closing a fence is not set aside: a text that fits is one message at every prefix."""
    text = "```\n" + "x" * 28 + "\n```"
    splitter = Splitter(capabilities(len(text)))
    assert all(len(splitter.slices(text[:end])) <= 1 for end in range(len(text) + 1))


def test_a_text_that_starts_again_is_split_afresh() -> None:
    """After a restart nothing of the earlier text is left."""
    splitter = Splitter(capabilities(20))
    splitter.slices("first attempt " * 9)
    assert splitter.parts("second") == ["second"]


def test_a_limit_too_small_to_work_with_is_refused() -> None:
    """The error names the number and the least that will do."""
    with pytest.raises(ValueError, match=r"max_chars is 3; it must be at least 16"):
        Splitter(capabilities(3))


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("plain", "plain"),
        ("the `na", "the `na`"),
        ("the `name` is", "the `name` is"),
        ("the ``a`b", "the ``a`b``"),
        ("the ``a`", "the ``a``"),
        ("the `", "the "),
        ("a `tick\n\nnext", "a `tick\n\nnext"),
        (r"a \` b", r"a \` b"),
        ("```", ""),
        ("see:\n```py", "see:\n"),
        ("```py\n", "```py\n```"),
        ("```py\nx = 1", "```py\nx = 1\n```"),
        ("```py\nx = 1\n``", "```py\nx = 1\n```"),
        ("```py\nx = 1\n```", "```py\nx = 1\n```"),
        ("```py\nx = 1\n```\nand `y", "```py\nx = 1\n```\nand `y`"),
        ("~~~\na `b\n", "~~~\na `b\n~~~"),
        ("- ```sh\n  ls", "- ```sh\n  ls\n```"),
    ],
)
def test_unfinished_text_is_shown_whole(written: str, shown: str) -> None:
    """Open code is closed and half a marker is held back while the text is being written."""
    assert show_unfinished(written) == shown


@given(TEXTS)
def test_every_interim_view_is_balanced(text: str) -> None:
    """At every prefix the view has no open code block and is the text but for its end."""
    for length in range(len(text) + 1):
        view = show_unfinished(text[:length])
        assert not has_open_fence(view) or re.search(
            r"^[ \t]*([-*+]|\d+[.)])[ \t]+`{3}", text, re.MULTILINE
        )
        common = next((i for i, (a, b) in enumerate(zip(view, text, strict=False)) if a != b), None)
        assert common is None or common >= text.rfind("\n", 0, length)
