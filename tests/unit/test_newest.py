"""The mapping that can't grow for ever."""

from bot.vocabulary import Newest


def test_the_oldest_gives_way_to_one_more() -> None:
    """What is set again is no newcomer: it stays where it is, and drives nobody out."""
    kept = Newest[str, int](2)
    for key in ("a", "b", "a"):
        kept[key] = len(kept)
    assert list(kept.items()) == [("a", 2), ("b", 1)]
    kept["c"] = 3
    assert list(kept) == ["b", "c"]


def test_what_is_in_use_stays() -> None:
    """Moved to the end, it is the last to give way."""
    kept = Newest[str, int](2)
    kept["a"], kept["b"] = 1, 2
    kept.move_to_end("a")
    kept["c"] = 3
    assert list(kept) == ["a", "c"]
