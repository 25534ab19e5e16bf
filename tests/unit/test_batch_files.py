"""What a batch reads and writes: items, prompts, its state and its output."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.batch.errors import BatchUnusable
from bot.batch.items import Item, kind_of, read_items
from bot.batch.output import Line, written
from bot.batch.records import Done, Failed
from bot.batch.state import StateFile
from bot.batch.template import Template
from bot.vocabulary import ManualClock, Usage

DONE = Done(key="a", outcome="answered", text="Yes.", model="m", usage=Usage(3, 2), cost_nanousd=5)


def state_at(path: Path, digest: str = "d", *, restart: bool = False) -> StateFile:
    """The state file there."""
    return StateFile(path, run="r1", digest=digest, clock=ManualClock(), restart=restart)


def item(**fields: str) -> Item:
    """An item with those fields."""
    return Item(1, fields, {"item": json.dumps(fields), **fields})


@pytest.mark.parametrize(
    ("prompt", "asked"),
    [
        ("Sum up {title} of {year}.", "Sum up Emma of 1815."),
        ('As {{"t": "{title}"}}', 'As {"t": "Emma"}'),
        ('Answer as {"a": 1} about {title}', 'Answer as {"a": 1} about Emma'),
        ("About:", "About:\n\ntitle: Emma\nyear: 1815"),
        ("{item}", '{"title": "Emma", "year": "1815"}'),
    ],
)
def test_a_prompt_is_filled_with_an_item(prompt: str, asked: str) -> None:
    """Fields in braces; braces that are none, or doubled, stay braces."""
    assert Template(prompt).filled(item(title="Emma", year="1815")) == asked


def test_what_an_item_says_is_no_template() -> None:
    """Braces in an item are text."""
    assert Template("{title}").filled(item(title="{year} {{", year="1815")) == "{year} {{"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.csv", "csv"), ("a.TSV", "csv"), ("b.jsonl", "jsonl"), ("c.txt", "lines"), ("-", "lines")],
)
def test_a_file_s_ending_says_what_it_holds(name: str, kind: str) -> None:
    """Anything unknown holds lines."""
    assert kind_of(name) == kind


def test_a_table_may_have_line_breaks_a_mark_and_tabs() -> None:
    """As spreadsheets write it."""
    content = "\ufeffa\tb\n1\t'2'\n\n\"x\ny\"\t3\n".encode()
    items = read_items(content, name="t.tsv", kind="csv")
    assert [each.given for each in items] == [{"a": "1", "b": "'2'"}, {"a": "x\ny", "b": "3"}]


@pytest.mark.parametrize(
    ("content", "kind", "told"),
    [
        (b"a,a\n1,2\n", "csv", 'two columns named "a"'),
        (b"a,\n1,2\n", "csv", "a column without a name"),
        (b'a,b\n"1,2\n', "csv", "line 2"),
        (b"\xff\xfe", "lines", "is not UTF-8"),
    ],
)
def test_what_can_t_be_read_is_told(content: bytes, kind: Any, told: str) -> None:
    """With the place."""
    with pytest.raises(BatchUnusable, match=told):
        read_items(content, name="f", kind=kind)


def test_the_state_is_what_was_written_down(tmp_path: Path) -> None:
    """Answers, errors, and what the provider has; a new error does not undo an answer."""
    path = tmp_path / "s"
    with state_at(path) as state:
        state.record(Failed(key="a", kind="overloaded", message="busy"))
        state.record(DONE)
        state.record(Failed(key="b", kind="overloaded", message="busy"))
        first = state.handing_over(["c", "d"], ManualClock().now())
        state.handed_over(first, "msgbatch_1")
        state.taken_back(state.handing_over(["e"], ManualClock().now()))
    with state_at(path) as state:
        assert state.run == "r1"
        assert state.known.done == {"a": DONE}
        assert list(state.known.failed) == ["b"]
        (away,) = state.known.handed_over.values()
        assert (away.keys, away.batch_id) == (("c", "d"), "msgbatch_1")
        assert state.handing_over(["f"], ManualClock().now()).number == 3


def test_a_line_that_a_crash_cut_short_is_taken_away(tmp_path: Path) -> None:
    """At every length; what stands before it holds, and what comes after it is whole."""
    path = tmp_path / "s"
    with state_at(path) as state:
        state.record(DONE)
    whole = path.read_bytes()
    start = whole.index(b'{"done"')
    for cut in range(start + 1, len(whole)):
        path.write_bytes(whole[:cut])
        with state_at(path) as state:
            assert state.known.done == {}
            state.record(DONE)
        assert path.read_bytes() == whole


def test_another_batch_s_state_is_refused_and_can_be_replaced(tmp_path: Path) -> None:
    """And so is a file that is none."""
    path = tmp_path / "s"
    with state_at(path) as state:
        state.record(DONE)
    with pytest.raises(BatchUnusable, match="another prompt"):
        state_at(path, "other")
    with state_at(path, "other", restart=True) as state:
        assert state.known.done == {}
    path.write_text("some notes of mine\n")
    with pytest.raises(BatchUnusable, match="line 1: it is not the state"):
        state_at(path)


def test_answers_that_look_like_formulas_are_defused_and_numbers_are_not() -> None:
    """In CSV, which spreadsheets open."""
    lines = [
        Line(item(a="=1"), Done(key="k", outcome="answered", text=text, model="m"))
        for text in ("=HYPERLINK()", "-5", "+x", "fine")
    ]
    rows = written(lines, "csv").splitlines()
    assert rows[1:] == [
        "=1,'=HYPERLINK(),answered,",
        "=1,-5,answered,",
        "=1,'+x,answered,",
        "=1,fine,answered,",
    ]
