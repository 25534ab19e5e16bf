"""The history window: which part of a thread goes to the model, and in which form.

It is append-only between trims, so that the provider's prompt cache can serve what was sent before; a
trim takes away a block, down to half of the limit, and puts a summary in its place. It never slides.
"""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from storage.history import Said

Json = dict[str, Any]

SUMMARY_HEADING = "[What was said earlier in this conversation, summarised:]"
BOT_BEGAN = "[You began this conversation:]"
GONE = "[A file was here; it is no longer kept.]"

SUMMARY_INSTRUCTIONS = (
    "Summarise the conversation above for yourself, so that you can go on with it without reading it "
    "again: who takes part, what was asked and answered, decisions, names, numbers, code and files that "
    "matter, what is still open. Write only the summary, in the language of the conversation, in at most "
    "400 words."
)


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a trim divides a window: what is summarised, and what stays."""

    dropped: tuple[Said, ...]
    kept: tuple[Said, ...]


def cut(said: Sequence[Said], *, keep_tokens: float) -> Cut:
    """Divide so that what stays has at most `keep_tokens` (by estimate) and begins with a question."""
    kept_tokens = 0
    start = len(said)
    for index in range(len(said) - 1, -1, -1):
        kept_tokens += said[index].tokens
        if kept_tokens > keep_tokens:
            break
        if said[index].role == "user" and not _is_result(said[index].content):
            start = index
    return Cut(tuple(said[:start]), tuple(said[start:]))


def messages_of(
    said: Sequence[Said],
    question: Sequence[Json],
    *,
    summary: str | None,
    files: Mapping[str, tuple[str, bytes]],
    cache_ttl: str | None,
    with_tools: bool = False,
) -> list[Json]:
    """The API's messages. `files` has (media type, bytes) by hash.

    A cache breakpoint stands at the end of the question, where the next turn will find it, and at
    the end of the question that was answered last, where this turn finds that one's, however many
    blocks lie between (the API looks back over 20 only). `cache_ttl` None: no breakpoints. The API
    takes calls of tools only `with_tools`; without, they are told in words.
    """
    messages = [_summary(summary)] if summary else []
    for each in said:
        content = each.content if with_tools else [_in_words(block) for block in each.content]
        messages.append(_message(each.role, content, files))
    if messages and messages[0]["role"] == "assistant":
        messages.insert(0, {"role": "user", "content": [{"type": "text", "text": BOT_BEGAN}]})
    asked = _message("user", question, files)
    if cache_ttl is not None:
        for message in (*_answered_last(messages), asked):
            message["content"][-1]["cache_control"] = {"type": "ephemeral", "ttl": cache_ttl}
    return [*messages, asked]


def stored_files(contents: Sequence[Sequence[Json]]) -> list[str]:
    """The hashes of the files that content blocks refer to, each once."""
    return list(dict.fromkeys(_hashes(contents)))


def _hashes(contents: Sequence[Sequence[Json]]) -> Iterator[str]:
    for content in contents:
        for block in content:
            source = block.get("source")
            if source is not None and source.get("type") == "stored":
                yield source["sha256"]


def _answered_last(messages: Sequence[Json]) -> Sequence[Json]:
    """The question before the last answer, if there is one; others may have spoken since."""
    pairs = pairwise(messages)
    questions = [one for one, next_one in pairs if next_one["role"] == "assistant"]
    return questions[-1:]


def _is_result(content: Sequence[Json]) -> bool:
    """Results of tools: they can't stand without the calls before them."""
    return any(block.get("type") == "tool_result" for block in content)


def _in_words(block: Json) -> Json:
    match block.get("type"):
        case "tool_use":
            text = f"[Used the tool {block['name']} with {json.dumps(block['input'])}]"
        case "tool_result":
            text = "\n".join(str(each.get("text", "")) for each in block["content"])
            text = f"[It returned:]\n{text}"
        case _:
            return block
    return {"type": "text", "text": text}


def _summary(summary: str) -> Json:
    return {"role": "user", "content": [{"type": "text", "text": f"{SUMMARY_HEADING}\n{summary}"}]}


def _message(role: str, content: Sequence[Json], files: Mapping[str, tuple[str, bytes]]) -> Json:
    return {"role": role, "content": [_block(block, files) for block in content]}


def _block(block: Json, files: Mapping[str, tuple[str, bytes]]) -> Json:
    source = block.get("source")
    if source is None or source.get("type") != "stored":
        return dict(block)
    file = files.get(source["sha256"])
    if file is None:
        return {"type": "text", "text": GONE}
    media_type, content = file
    data = base64.standard_b64encode(content).decode()
    return {**block, "source": {"type": "base64", "media_type": media_type, "data": data}}
