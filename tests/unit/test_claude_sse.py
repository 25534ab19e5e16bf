"""Server-sent events, however the network cuts them."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.claude.errors import BrokenStream
from bot.claude.sse import MAX_EVENT_BYTES, SseParser

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
events = st.lists(st.dictionaries(st.text(), json_values, max_size=3), max_size=6)


def stream_of(objects: list[dict[str, object]], newline: str = "\n") -> bytes:
    """The objects as an event stream, with the noise a real one has."""
    lines = [": a comment", "", "event: ping", "id: 7"]
    for each in objects:
        lines += [f"event: {len(lines)}", f"data: {json.dumps(each, ensure_ascii=False)}", ""]
    return "".join(line + newline for line in lines).encode(errors="surrogatepass")


@given(events, st.sampled_from(["\n", "\r\n", "\r"]), st.data())
def test_any_cut_gives_the_same_events(
    objects: list[dict[str, object]], newline: str, data: st.DataObject
) -> None:
    """However a stream is cut into chunks, inside lines, characters and line ends, it says the same."""
    whole = stream_of(objects, newline)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    borders = [0, *cuts, len(whole)]
    parser = SseParser()
    got = []
    for start, end in pairwise(borders):
        got += parser.feed(whole[start:end])
    got += parser.feed(b"\n\n")
    assert got == objects


def test_one_chunk_with_many_events_gives_all_of_them_at_once() -> None:
    """A chunk is decoded as a whole."""
    assert SseParser().feed(stream_of([{"a": 1}, {"b": 2}])) == [{"a": 1}, {"b": 2}]


def test_data_over_several_lines_is_one_event() -> None:
    """Lines of data belong together, as the format says."""
    assert SseParser().feed(b'data: {"a":\ndata: 1}\n\n') == [{"a": 1}]


@pytest.mark.parametrize("data", [b"data: {nonsense\n\n", b"data: [1]\n\n", b"data: \xff\n\n"])
def test_what_is_not_a_json_object_is_a_broken_stream(data: bytes) -> None:
    """Garbage is a typed error, whatever garbage it is."""
    with pytest.raises(BrokenStream):
        SseParser().feed(data)


def test_an_event_without_an_end_is_a_broken_stream() -> None:
    """Nobody can fill the memory with an event that never ends."""
    parser = SseParser()
    parser.feed(b"x" * MAX_EVENT_BYTES)
    with pytest.raises(BrokenStream):
        parser.feed(b"x")
