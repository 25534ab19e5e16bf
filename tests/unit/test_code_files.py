"""Long code becomes a file: named by its language, exact to the character, and nothing else changes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine.code_files import CodeFile, TakenApart, take_apart
from bot.ports import Capabilities

LONG = "".join(f"print({number})\n" for number in range(10))
FILES = Capabilities(max_chars=2000, code_file_over_chars=50)


def test_long_code_is_taken_out_and_named() -> None:
    """One line stands in its place; the text around it stays as it was."""
    apart = take_apart(f"Here:\n\n```python\n{LONG}```\nRun it.", FILES)
    assert apart.markdown == "Here:\n\n_See the file `answer.py`._\nRun it."
    assert apart.files == (CodeFile("answer.py", "text/plain", LONG),)


@pytest.mark.parametrize(
    "text",
    ["Short.", "```python\nprint(1)\n```", f"No fence: {LONG}", f"`{LONG.strip()}`"],
    ids=["plain", "short", "unfenced", "inline"],
)
def test_everything_else_stays(text: str) -> None:
    """Short code and long prose are no files."""
    assert take_apart(text, FILES) == TakenApart(text)


def test_it_is_off_unless_the_platform_asks_for_it() -> None:
    """Where files are no better than text, code of any length stays where it is."""
    text = f"```python\n{LONG * 100}```"
    assert take_apart(text, Capabilities(max_chars=2000)) == TakenApart(text)


@pytest.mark.parametrize(
    ("language", "name", "media_type"),
    [
        ("python", "answer.py", "text/plain"),
        ("C++", "answer.cpp", "text/plain"),
        ("csv", "answer.csv", "text/csv"),
        ("json", "answer.json", "application/json"),
        ("", "answer.txt", "text/plain"),
        ("../../etc/passwd", "answer.txt", "text/plain"),
        ("python title=x.py", "answer.py", "text/plain"),
    ],
)
def test_files_are_named_by_their_language(language: str, name: str, media_type: str) -> None:
    """The ending is that of the language, or `txt` where there is none that is known."""
    (file,) = take_apart(f"```{language}\n{LONG}```", FILES).files
    assert (file.name, file.media_type) == (name, media_type)


def test_files_of_one_language_are_told_apart() -> None:
    """Each has a name of its own, and the text names each in its place."""
    text = f"```py\n{LONG}```\nand\n```sql\n{LONG}```\nand\n~~~python\n{LONG}~~~"
    apart = take_apart(text, FILES)
    assert [file.name for file in apart.files] == ["answer.py", "answer.sql", "answer-2.py"]
    assert apart.markdown.splitlines()[::2] == [
        f"_See the file `{file.name}`._" for file in apart.files
    ]


def test_code_in_a_list_loses_its_indentation_alone() -> None:
    """What a reader would see as the code is what the file has."""
    indented = "".join(f"   {line}" for line in LONG.splitlines(keepends=True))
    apart = take_apart(f"1. Do this:\n   ```python\n{indented}   ```\n2. Done.", FILES)
    assert apart.markdown == "1. Do this:\n   _See the file `answer.py`._\n2. Done."
    assert apart.files[0].text == LONG


def test_fences_within_code_belong_to_it() -> None:
    """A longer fence holds shorter ones."""
    code = f"# Title\n\n```python\n{LONG}```\n"
    apart = take_apart(f"````markdown\n{code}````", FILES)
    assert apart.files == (CodeFile("answer.md", "text/markdown", code),)


def test_there_is_a_limit_to_the_files() -> None:
    """Code beyond the tenth file stays in the text, so that nothing is lost."""
    text = "\n".join(f"```py\n{number}\n{LONG}```" for number in range(12))
    apart = take_apart(text, FILES)
    assert len(apart.files) == 10
    assert apart.markdown.count(LONG) == 2


def test_a_platform_counts_as_it_does() -> None:
    """The limit is in what the platform counts."""
    text = f"```\n{'😀' * 30}\n```"
    utf16 = Capabilities(
        max_chars=2000,
        measure=lambda text: len(text.encode("utf-16-le")) // 2,
        code_file_over_chars=50,
    )
    assert take_apart(text, FILES).files == ()
    assert len(take_apart(text, utf16).files) == 1


_LINES = st.sampled_from(
    [
        "```\n",
        "```py\n",
        "````\n",
        "~~~\n",
        "  ```js\n",
        "word\n",
        "x" * 30 + "\n",
        "\n",
        "\r\n",
        "- ",
    ]
)


@given(st.lists(_LINES, max_size=14).map("".join))
def test_nothing_is_lost(text: str) -> None:
    """Every line of the text is in what is shown or in a file, but for the fences; in their order."""
    apart = take_apart(text, Capabilities(max_chars=2000, code_file_over_chars=20))
    files = {file.name: file.text for file in apart.files}
    lines: list[str] = []
    for line in apart.markdown.split("\n"):
        name = line.strip(" -").removeprefix("_See the file `").removesuffix("`._")
        lines += files.pop(name).split("\n") if name in files else [line]
    assert not files
    assert _words(lines) == _words(text.split("\n"))


def _words(lines: list[str]) -> list[str]:
    words = (line.strip(" -\r") for line in lines)
    return [word for word in words if word and not word.startswith(("```", "~~~"))]


@given(st.lists(_LINES, max_size=14).map("".join))
def test_files_only_grow_while_the_text_is_written(text: str) -> None:
    """From line to line no file goes away, changes its name or loses anything."""
    capabilities = Capabilities(max_chars=2000, code_file_over_chars=20)
    shown: tuple[CodeFile, ...] = ()
    for end in (match.end() for match in re.finditer("\n", text)):
        files = take_apart(text[:end], capabilities).files
        assert [file.name for file in files][: len(shown)] == [file.name for file in shown]
        for before, now in zip(shown, files, strict=False):
            assert now.text.startswith(before.text)
        shown = files
