"""What the simulated Claude says in a benchmark."""

from itertools import cycle, islice

_WORDS = "when you move jobs to a new box look at the disk the time zone and who can read the keys"


def words(number: int) -> str:
    """So many words, each of which is one token of the simulated Claude's."""
    return " ".join(islice(cycle(_WORDS.split()), number))


ANSWER_WORDS = 150
"""A chat answer of a few paragraphs."""
