"""What blocks and attachments say, for messages whose `text` says nothing.

The result is in Slack's own markup, escaped, as `text` would be, so that it is read on in the same way.
https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from adapters.slack.harmless import escaped
from adapters.slack.payloads import Json, objects_in

MAX_DEPTH: Final = 8
MAX_CHARS: Final = 20_000


def text_of(message: Json) -> str:
    """What a message says: its `text`, else its blocks, else its attachments."""
    text = message.get("text")
    if isinstance(text, str) and text:
        return text
    written = _lines(_block(block) for block in objects_in(message.get("blocks")))
    return (written or attached_text(message))[:MAX_CHARS]


def attached_text(message: Json) -> str:
    """What the attachments of a message say: how most bots of old write, and how messages are passed on."""
    return _lines(_attachment(each) for each in objects_in(message.get("attachments")))[:MAX_CHARS]


def shared_text(message: Json) -> str:
    """What somebody passed on with a message: the messages it shares, not the pages it links to."""
    shared = (
        each
        for each in objects_in(message.get("attachments"))
        if each.get("is_share") or each.get("is_msg_unfurl")
    )
    return _lines(_attachment(each) for each in shared)[:MAX_CHARS]


def _attachment(attachment: Json) -> str:
    parts = [_string(attachment.get(name)) for name in ("pretext", "title", "text")]
    blocks = [_block(block) for block in objects_in(attachment.get("blocks"))]
    return _lines([*parts, *blocks]) or _string(attachment.get("fallback"))


def _block(block: Json) -> str:
    match block.get("type"):
        case "rich_text":
            return "\n".join(_rich(each) for each in objects_in(block.get("elements")))
        case "markdown":
            return escaped(_string(block.get("text")))
        case "section" | "header" | "context":
            inner = [block.get("text"), *_list(block.get("fields")), *_list(block.get("elements"))]
            return _lines(_text_object(each) for each in inner)
        case "image":
            return escaped(_string(block.get("alt_text")))
    return ""


def _text_object(value: object) -> str:
    if not isinstance(value, Mapping):
        return ""
    text = _string(value.get("text"))
    return text if value.get("type") == "mrkdwn" else escaped(text)


def _rich(element: Json, depth: int = 0) -> str:
    if depth > MAX_DEPTH:
        return ""
    inner = [_rich(each, depth + 1) for each in objects_in(element.get("elements"))]
    match element.get("type"):
        case "rich_text_preformatted":
            return f"```\n{''.join(inner)}\n```"
        case "rich_text_quote":
            return "\n".join(f"&gt; {line}" for line in "".join(inner).split("\n"))
        case "rich_text_list":
            numbered = element.get("style") == "ordered"
            return "\n".join(
                f"{f'{number}.' if numbered else '•'} {each}"
                for number, each in enumerate(inner, 1)
            )
        case "rich_text_section":
            return "".join(inner)
    return _leaf(element)


def _leaf(element: Json) -> str:
    match element.get("type"):
        case "text":
            text, style = escaped(_string(element.get("text"))), element.get("style")
            return f"`{text}`" if isinstance(style, Mapping) and style.get("code") else text
        case "link":
            address, label = _string(element.get("url")), _string(element.get("text"))
            return f"<{escaped(address)}|{escaped(label)}>" if label else f"<{escaped(address)}>"
        case "user":
            return f"<@{_string(element.get('user_id'))}>"
        case "channel":
            return f"<#{_string(element.get('channel_id'))}>"
        case "usergroup":
            return f"<!subteam^{_string(element.get('usergroup_id'))}>"
        case "broadcast":
            return f"<!{_string(element.get('range'))}>"
        case "emoji":
            return f":{_string(element.get('name'))}:"
        case "date":
            return escaped(_string(element.get("fallback")))
    return ""


def _lines(parts: Iterable[str]) -> str:
    return "\n".join(part for part in parts if part)


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
