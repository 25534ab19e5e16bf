"""The two views: what a person and a pipe get to see."""

import io
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from adapters.terminal.console import view_of
from adapters.terminal.harmless import harmless
from adapters.terminal.reports import report_line
from adapters.terminal.rich_view import RichView
from adapters.terminal.transcript import Entry
from adapters.terminal.view import PlainView, View
from bot.ports import TurnReport
from bot.vocabulary import TurnOutcome, Usage

ANSWER = """\
# A title

Some *words* first, with a [link](https://example.org/here) and `code`.

- one
- two

  still two

```python
def hello():

    return "<b>not html</b>"
```

| a | b |
| - | - |
| 1 | 2 |

Use <details> wisely.

<div>
a block
</div>

The end.
"""


def entry(
    text: str, *, final: bool = False, entry_id: str = "1", mark: str | None = "t.0"
) -> Entry:
    """A message of the bot's, or a person's if it has no mark."""
    return Entry(
        id=entry_id,
        at=datetime(2026, 11, 23, tzinfo=UTC),
        thread="main",
        text=text,
        mark=mark,
        final=final,
    )


class Screen:
    """A terminal that understands what rich sends: text, line ends, cursor up, and erasing a line."""

    def __init__(self, *, height: int = 24) -> None:
        self.output = io.StringIO()
        self.view = RichView(
            console=Console(file=self.output, force_terminal=True, width=80, height=height)
        )

    @property
    def lines(self) -> list[str]:
        """What stands on the screen and above it, without colours."""
        lines, row = [""], 0
        for token in re.findall(
            r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", self.output.getvalue()
        ):
            if token == "\n":
                row += 1
                lines.extend([""] * (row + 1 - len(lines)))
            elif re.fullmatch(r"\x1b\[\d+A", token):
                row -= int(token[2:-1])
            elif token == "\x1b[2K":
                lines[row] = ""
            elif not token.startswith("\x1b") and token != "\r":
                lines[row] += token
        return [line.rstrip() for line in lines]

    @property
    def text(self) -> str:
        """All that is to be read, without empty lines."""
        return "\n".join(line for line in self.lines if line)


def shown_at_once(text: str) -> str:
    """The screen after an answer that was never seen half written."""
    screen = Screen()
    screen.view.shown(entry(text, final=True))
    return screen.text


def test_an_answer_that_grew_looks_like_one_that_came_at_once() -> None:
    """Block by block, redrawn at every few characters, the screen ends as if it had come whole."""
    screen = Screen()
    screen.view.working("is thinking…")
    for length in range(1, len(ANSWER), 7):
        screen.view.shown(entry(ANSWER[:length]))
    assert screen.view.shown(entry(ANSWER, final=True))
    at_once = Screen()
    at_once.view.shown(entry(ANSWER, final=True))
    assert screen.lines == at_once.lines


def test_text_is_seen_while_it_grows() -> None:
    """What has been written so far stands on the screen, the spinner no longer."""
    screen = Screen()
    screen.view.working("is thinking…")
    assert "is thinking" in screen.text
    screen.view.shown(entry("First words"))
    assert screen.text == "First words"
    screen.view.close()


def test_nothing_is_drawn_twice() -> None:
    """When a block is complete it is printed, and what was drawn of it is not drawn again below."""
    screen = Screen()
    screen.view.shown(entry("First block, unfini"))
    before = len(screen.output.getvalue())
    screen.view.shown(entry("First block, unfinished.\n\nSecond"))
    assert "unfini" in screen.output.getvalue()[before:]
    assert screen.output.getvalue()[before:].count("unfini") == 1
    screen.view.close()


def test_an_answer_taller_than_the_screen_shows_its_end() -> None:
    """While a long block is written its newest lines are seen, and in the end all of them stay."""
    screen = Screen(height=10)
    text = "\n".join(["```", *(f"line {number}" for number in range(100)), "```"])
    screen.view.shown(entry(text[:-10]))
    assert "line 97" in screen.text
    assert len(screen.text.splitlines()) < 10
    screen.view.shown(entry(text, final=True))
    assert all(f"line {number}" in screen.text for number in range(100))


def test_html_and_links_are_seen_as_they_are() -> None:
    """Nothing that the model wrote is left out, and a link shows where it leads."""
    text = shown_at_once(ANSWER)
    for part in (
        "<details>",
        "<div>",
        "</div>",
        "a block",
        "<b>not html</b>",
        "https://example.org/here",
    ):
        assert part in text


def test_an_answer_that_begins_again_says_so() -> None:
    """Blocks that were printed can't be taken back, so a line stands between."""
    screen = Screen()
    screen.view.shown(entry("First block.\n\nSecond block, unfini"))
    screen.view.shown(entry("Another answer.", final=True))
    assert screen.text.splitlines() == [
        "First block.",
        "— the answer begins again —",
        "Another answer.",
    ]


def test_an_answer_that_is_taken_back_leaves_the_screen() -> None:
    """What was drawn in place is gone."""
    screen = Screen()
    written = entry("Half an ans")
    screen.view.shown(written)
    screen.view.removed(written)
    assert screen.text == ""


def test_the_conversation_before_is_shown_at_the_start() -> None:
    """The last lines and answers are there; what was printed is counted as seen."""
    screen = Screen()
    said, answered = entry("Why?", mark=None), entry("Because.", final=True, entry_id="2")
    assert screen.view.open([said, answered, entry("Half", entry_id="3")]) == [answered]
    assert screen.text.splitlines() == ["> Why?", "Because."]


def test_what_was_seen_is_not_printed_again() -> None:
    """A delivery that is repeated after a crash prints nothing."""
    output, screen = io.StringIO(), Screen()
    for view in (PlainView(stream=output), screen.view):
        again = entry("Hello", final=True)
        again.seen = True
        view.shown(again)
    assert output.getvalue() == screen.text == ""


def test_a_pipe_gets_final_texts_alone() -> None:
    """No interim text, no spinner, no cost: each answer once, in order."""
    output = io.StringIO()
    view = PlainView(stream=output)
    view.working("is thinking…")
    view.shown(entry("Hel"))
    assert view.shown(entry("Hello\n", final=True))
    view.remark("$0.01")
    view.shown(entry("Bye", final=True, entry_id="2"))
    assert output.getvalue() == "Hello\nBye\n"


def test_a_pipe_gets_what_was_finished_before_it_could_be_printed() -> None:
    """An answer that was completed as the process died is printed by the next."""
    output = io.StringIO()
    unseen, seen = entry("unseen", final=True), entry("seen", final=True, entry_id="2")
    seen.seen = True
    said, half = entry("Why?", mark=None), entry("half", entry_id="3")
    assert PlainView(stream=output).open([said, unseen, seen, half]) == [unseen]
    assert output.getvalue() == "unseen\n"


@pytest.mark.parametrize("kind", ["plain", "rich"])
def test_a_window_that_is_gone_stops_nothing(kind: str) -> None:
    """With the stream closed every call returns, and nothing counts as printed in the pipe."""
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=80)
    view: View = PlainView(stream=output) if kind == "plain" else RichView(console=console)
    output.close()
    view.open([entry("before", final=True)])
    view.working("is thinking…")
    view.shown(entry("Hel"))
    printed = view.shown(entry("Hello", final=True))
    view.remark("$0.01")
    view.removed(entry("Hello"))
    view.close()
    assert not printed or kind == "rich"


def test_characters_that_an_encoding_lacks_are_replaced() -> None:
    """A terminal without Unicode gets the rest of the answer."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", write_through=True)
    assert view_of(stream).shown(entry("naïve…", final=True))
    assert raw.getvalue() == b"na?ve?\n"


@given(st.text(st.characters()))
def test_hostile_text_is_harmless(text: str) -> None:
    """No control character but tab and line feed is left, and everything can be encoded."""
    shown = harmless(text)
    shown.encode()
    assert not [c for c in shown if (ord(c) < 32 and c not in "\t\n") or 127 <= ord(c) < 160]
    assert not {"\u202d", "\u202e"} & set(shown)


def test_harmless_text_is_left_alone() -> None:
    """Letters of any script, emoji, tabs and line feeds stay."""
    assert harmless("Grüße, 漢字, مرحبا, 👩‍🔬\n\tend\r\n") == "Grüße, 漢字, مرحبا, 👩‍🔬\n\tend\n"
    assert harmless("\x1b[1m") == "␛[1m"


@pytest.mark.parametrize(
    ("usage", "cost_nanousd", "line"),
    [
        (
            Usage(200, 56, 1000),
            2_149_999,
            "m · 1,200 tokens in (1,000 from the cache), 56 out · $0.0021",
        ),
        (Usage(200, 56), 2_150_000, "m · 200 tokens in, 56 out · $0.0022"),
        (Usage(200, 56), None, "m · 200 tokens in, 56 out · cost not known"),
        (Usage(), 0, "cached"),
        (Usage(9, 9), 12_345_678_900_000, "m · 9 tokens in, 9 out · $12,345.6789"),
    ],
)
def test_what_an_answer_used_is_told_in_a_line(
    usage: Usage, cost_nanousd: int | None, line: str
) -> None:
    """Model, tokens, what came from the cache, and dollars to a hundredth of a cent; else the outcome."""
    report = TurnReport(
        outcome=TurnOutcome.CACHED, model="m", usage=usage, cost_nanousd=cost_nanousd
    )
    assert report_line(report) == line
