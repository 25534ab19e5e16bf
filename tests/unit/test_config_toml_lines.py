"""Every key of a TOML file knows its line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.toml_file import leaves, read_toml

FILE = '''
# a comment = 1
title = """
[not.a.table]
neither = "a key"
"""

[claude]  # [too]
fallback_models = [
    "a",   # [b]
    "c",
]
"quoted key" = 1
dotted.key = 2
inline = { x = 1, y = 2 }

[[budgets]]
scope = "a"
[budgets.more]
deep = true
[[budgets]]
scope = "b"
[[budgets.parts]]
n = 1
[[budgets.parts]]
n = 2

[channels."slack:C1".limits]
channel_messages = 5
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 3),
        (("claude",), 8),
        (("claude", "fallback_models"), 9),
        (("claude", "quoted key"), 13),
        (("claude", "dotted", "key"), 14),
        (("claude", "inline", "y"), 15),
        (("budgets", 0), 17),
        (("budgets", 0, "scope"), 18),
        (("budgets", 0, "more", "deep"), 20),
        (("budgets", 1, "scope"), 22),
        (("budgets", 1, "parts", 1, "n"), 26),
        (("channels", "slack:C1", "limits", "channel_messages"), 29),
        (("budgets",), 17),
        (("budgets", 1, "missing"), 21),
    ],
)
def test_a_key_is_found_at_its_line(tmp_path: Path, path: tuple[str | int, ...], line: int) -> None:
    """Through comments, multi-line values, dotted and quoted keys, and lists of tables."""
    file = tmp_path / "f.toml"
    file.write_text(FILE, encoding="utf-8")
    assert read_toml(file, name="f.toml").where(path) == f"f.toml:{line}"


def test_a_key_that_is_nowhere_has_no_line(tmp_path: Path) -> None:
    """The file is named all the same."""
    file = tmp_path / "f.toml"
    file.write_text(FILE, encoding="utf-8")
    assert read_toml(file, name="f.toml").where(("limits",)) == "f.toml"


KEYS = st.text("abc-_1", min_size=1, max_size=5)
VALUES = st.sampled_from(
    ["1", "true", '"x = [1]"', "[\n 1,\n 2,\n]", '"""\n[x]\n"""', "1979-05-27"]
)


@given(
    tables=st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=4), max_size=4),
    blank_lines=st.integers(0, 3),
    newline=st.sampled_from(["\n", "\r\n"]),
)
def test_every_value_of_any_file_has_the_line_on_which_it_begins(
    tmp_path_factory: pytest.TempPathFactory,
    tables: dict[str, dict[str, str]],
    blank_lines: int,
    newline: str,
) -> None:
    """Whatever stands before it."""
    lines: list[str] = []
    expected = {}
    for table, keys in tables.items():
        lines += [""] * blank_lines + [f"[{table}]"]
        for key, value in keys.items():
            expected[table, key] = len(lines) + 1
            lines += f"{key} = {value}".split("\n")
    file = tmp_path_factory.mktemp("toml") / "f.toml"
    file.write_bytes(newline.join(lines).encode())
    read = read_toml(file)
    found = {path: read.lines[path] for path, _ in leaves(read.values) if len(path) == 2}
    assert found == expected
