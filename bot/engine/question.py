"""The question of a turn, as it goes to the model and into the history.

What people wrote is left unchanged and stands last; who speaks and what was said before stand in front.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.claude.tokens import estimate_tokens
from bot.engine.attachments import Reading
from bot.vocabulary import ChannelKind, Message, label

Json = dict[str, Any]

EMPTY = "(no text)"
SAID_BEFORE = "[Said in this thread before:]"


@dataclass(frozen=True, slots=True)
class Question:
    """Content blocks, as stored, and about how many tokens they have."""

    content: tuple[Json, ...]
    tokens: int


def question_of(
    messages: Sequence[Message], *, earlier: Sequence[Message], files: Sequence[Reading]
) -> Question:
    """One user message from those of a turn, their files, and what was said in the thread before the
    bot came to it."""
    text = _text(messages, earlier)
    content = (*(file.block for file in files), {"type": "text", "text": text})
    return Question(content, sum(file.tokens for file in files) + estimate_tokens(text))


def overheard(earlier: Sequence[Message]) -> Question:
    """What was said in the thread before the bot came, where nothing that it is asked is kept."""
    text = "\n".join((SAID_BEFORE, *(_said(message) for message in earlier)))
    return Question(({"type": "text", "text": text},), estimate_tokens(text))


def _text(messages: Sequence[Message], earlier: Sequence[Message]) -> str:
    before = "".join(f"{_said(message)}\n" for message in earlier)
    context = f"{SAID_BEFORE}\n{before}\n" if before else ""
    private = messages[-1].thread.channel.kind is ChannelKind.DIRECT
    if private:
        return context + ("\n\n".join(each.text for each in messages if each.text.strip()) or EMPTY)
    return context + "\n\n".join(
        f"[{label(each.author.name)} says:]\n{each.text}" for each in messages
    )


def with_files_named(message: Message) -> str:
    """The text of a message whose files are not read, with their names."""
    return message.text + "".join(f" [file: {label(file.name)}]" for file in message.attachments)


def _said(message: Message) -> str:
    return f"{label(message.author.name)}: {with_files_named(message)}"
