"""What a message may consist of, and the error strings where it is too much.

https://docs.slack.dev/reference/methods/chat.postMessage, https://docs.slack.dev/reference/block-kit/blocks
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.slack.call import Args
from sandbox.slack.errors import SlackError
from sandbox.slack.messages import Content

TEXT_MAX_CHARS = 40_000
"""Longer text of a new message is cut: chat.postMessage, "Truncating content"."""
UPDATE_TEXT_MAX_CHARS = 4_000
"""chat.update refuses longer text."""
MARKDOWN_MAX_CHARS = 12_000
"""All `markdown` blocks of a message together: reference/block-kit/blocks/markdown-block."""
BLOCKS_MAX_CHARS = 13_200
"""All text in blocks together; not documented, seen by others."""
MAX_BLOCKS = 50
SECTION_MAX_CHARS = 3_000
HEADER_MAX_CHARS = 150
MAX_ACTIONS = 25
BLOCK_ID_MAX_CHARS = 255
BUTTON_TEXT_MAX_CHARS = 75
BUTTON_VALUE_MAX_CHARS = 2_000
MAX_FIELDS = 10
FIELD_MAX_CHARS = 2_000
MAX_CONTEXT_ELEMENTS = 10
METADATA_MAX_CHARS = 16_000
BLOCK_TYPES = frozenset(
    {
        "actions", "alert", "call", "card", "carousel", "context", "context_actions", "divider",
        "file", "header", "image", "input", "markdown", "plan", "rich_text", "section", "table",
        "task_card", "video",
    }
)  # fmt: skip


def read_content(args: Args, *, updating: bool = False) -> Content:
    """The content that a call gives.

    Raises:
        SlackError: the documented refusal, such as `no_text` or `msg_blocks_too_long`.
    """
    text = args.text("text")
    blocks = args.objects("blocks", "invalid_blocks_format")
    attachments = args.objects("attachments", "invalid_attachments")
    markdown_text = args.text("markdown_text")
    if markdown_text and (text or blocks):
        raise SlackError("markdown_text_conflict")
    if len(markdown_text) > MARKDOWN_MAX_CHARS:
        raise SlackError("msg_too_long")
    if markdown_text:
        blocks, text = ({"type": "markdown", "text": markdown_text},), markdown_text
    if not (text or blocks or attachments):
        raise SlackError("no_text")
    if updating and len(text) > UPDATE_TEXT_MAX_CHARS and not markdown_text:
        raise SlackError("msg_too_long")
    check_blocks(blocks)
    return Content(
        text=text[:TEXT_MAX_CHARS],
        blocks=blocks,
        attachments=attachments,
        metadata=read_metadata(args),
        links_names=args.flag("link_names") or args.text("parse") == "full",
    )


def read_metadata(args: Args) -> Mapping[str, Any] | None:
    """Message metadata. Raises `invalid_metadata_format`, `metadata_too_large` and the like."""
    metadata = args.structure("metadata", "invalid_metadata_format")
    if metadata is None:
        return None
    if (
        not isinstance(metadata, dict)
        or not isinstance(metadata.get("event_type"), str)
        or not isinstance(metadata.get("event_payload"), dict)
    ):
        raise SlackError("invalid_metadata_format")
    if len(str(metadata)) > METADATA_MAX_CHARS:
        raise SlackError("metadata_too_large")
    return metadata


def check_blocks(blocks: tuple[Mapping[str, Any], ...]) -> None:
    """Raise `invalid_blocks` or `msg_blocks_too_long` where blocks break a rule."""
    reasons = [reason for at, block in enumerate(blocks) for reason in _wrong(at, block)]
    if len(blocks) > MAX_BLOCKS:
        reasons.insert(0, f"no more than {MAX_BLOCKS} items allowed [json-pointer:/blocks]")
    if reasons:
        messages = [f"[ERROR] {reason}" for reason in reasons]
        raise SlackError("invalid_blocks", errors=reasons, response_metadata={"messages": messages})
    markdown = sum(len(_text(block)) for block in blocks if block["type"] == "markdown")
    everything = sum(len(text) for block in blocks for text in texts_in(block))
    if markdown > MARKDOWN_MAX_CHARS or everything > BLOCKS_MAX_CHARS:
        raise SlackError("msg_blocks_too_long")


def texts_in(value: Any) -> Iterator[str]:
    """Every `text` in a block, at any depth."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name == "text" and isinstance(inner, str):
                yield inner
            else:
                yield from texts_in(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts_in(inner)


def _wrong(at: int, block: Mapping[str, Any]) -> Iterator[str]:
    where = f"[json-pointer:/blocks/{at}"
    kind = block.get("type")
    if kind not in BLOCK_TYPES:
        yield f"unsupported type: {kind} {where}/type]"
        return
    if len(str(block.get("block_id") or "")) > BLOCK_ID_MAX_CHARS:
        yield f"must be less than {BLOCK_ID_MAX_CHARS + 1} characters {where}/block_id]"
    if kind == "section":
        yield from _wrong_section(block, where)
    elif kind == "header":
        yield from _too_long(_text(block), HEADER_MAX_CHARS, f"{where}/text/text]")
    elif kind == "markdown" and not _text(block):
        yield f"must be more than 0 characters {where}/text]"
    elif kind in ("actions", "context_actions", "context"):
        yield from _wrong_elements(block, where)


def _wrong_section(block: Mapping[str, Any], where: str) -> Iterator[str]:
    fields = block.get("fields") or ()
    if block.get("text") is None and not fields:
        yield f"missing required field: text {where}]"
    yield from _too_long(_text(block), SECTION_MAX_CHARS, f"{where}/text/text]")
    if block.get("text") is not None and not _text(block):
        yield f"must be more than 0 characters {where}/text/text]"
    if len(fields) > MAX_FIELDS:
        yield f"no more than {MAX_FIELDS} items allowed {where}/fields]"
    for field in fields:
        yield from _too_long(str(field.get("text", "")), FIELD_MAX_CHARS, f"{where}/fields]")


def _wrong_elements(block: Mapping[str, Any], where: str) -> Iterator[str]:
    elements = block.get("elements") or ()
    most = MAX_CONTEXT_ELEMENTS if block["type"] == "context" else MAX_ACTIONS
    if not elements:
        yield f"must have at least one item {where}/elements]"
    if len(elements) > most:
        yield f"no more than {most} items allowed {where}/elements]"
    ids = [each["action_id"] for each in elements if each.get("action_id")]
    if len(ids) != len(set(ids)):
        yield f"`action_id` already exists {where}/elements]"
    for number, element in enumerate(elements):
        if element.get("type") == "button":
            inner = f"{where}/elements/{number}"
            yield from _too_long(_text(element), BUTTON_TEXT_MAX_CHARS, f"{inner}/text/text]")
            value = str(element.get("value") or "")
            yield from _too_long(value, BUTTON_VALUE_MAX_CHARS, f"{inner}/value]")
            yield from _too_long(str(element.get("action_id") or ""), 255, f"{inner}/action_id]")


def _too_long(text: str, most: int, where: str) -> Iterator[str]:
    if len(text) > most:
        yield f"must be less than {most + 1} characters {where}"


def _text(block: Mapping[str, Any]) -> str:
    """A block's own text, whether plain or in a text object."""
    text = block.get("text")
    if isinstance(text, Mapping):
        text = text.get("text")
    return text if isinstance(text, str) else ""
