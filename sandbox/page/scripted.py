"""What the simulated Claude says to the page's own questions: long enough to break it in the middle."""

from typing import Final

from sandbox.claude import Reply, SimulatedClaude

STORY: Final = """\
## The keeper and the lamp

Every evening the keeper climbed the **one hundred and forty-two** steps, and every evening he counted \
them, for a number that comes out the same each day is a kind of company.

On the night of the great storm the lamp went out at step ninety. He stood in the dark and thought about \
what he knew:

1. A ship was due before midnight.
2. The oil was dry, but the *matches* were not.
3. Nobody would ever know whether he had gone up or down.

He went up. He lit the lamp with the last of the lamp oil from his own kitchen, and wrote into the book, \
as he did each night:

> Lamp lit. Wind from the west. One hundred and forty-two.

In the morning the ship lay in the harbour. Its captain came to thank him, and found a man asleep over a \
book, in which the last line was finished, and signed, and dated.

That is the whole of the story, and it has exactly **one** ending, however often it is interrupted."""

QUESTIONS: Final = {"lighthouse keeper": STORY}
"""By a word of the question."""


def teach(claude: SimulatedClaude) -> None:
    """Let it know the answers."""
    for pattern, answer in QUESTIONS.items():
        claude.script.when(pattern, Reply(answer))
