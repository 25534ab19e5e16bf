"""Which messages and content blocks the API takes; every refusal is a 400 that names the place."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox.claude.errors import ApiError, invalid
from sandbox.claude.media import IMAGE_TYPES, BadMedia, decode, pdf_pages, read_image
from sandbox.claude.models import Model
from sandbox.claude.prompt import Body, content_of

MAX_MESSAGES = 100_000
MAX_IMAGE_BYTES = 5 * 1024 * 1024
MAX_IMAGE_EDGE_PX = 8_000
MAX_PDF_PAGES = 600
MAX_PDF_PAGES_SMALL_CONTEXT = 100
SERVER_TOOL_BLOCKS = frozenset(
    {
        "server_tool_use",
        "web_search_tool_result",
        "web_fetch_tool_result",
        "code_execution_tool_result",
    }
)
_PREFILL_REFUSED = (
    "This model does not support assistant message prefill. "
    "The conversation must end with a user message."
)


def check_messages(body: Body, model: Model) -> None:
    """Raise the 400 that these messages get, if any."""
    messages = body.get("messages")
    if messages is None:
        raise invalid("messages", "Field required")
    if not isinstance(messages, list):
        raise invalid("messages", "Input should be a valid list")
    if not messages:
        raise invalid("messages", "at least one message is required")
    if len(messages) > MAX_MESSAGES:
        raise invalid("messages", f"at most {MAX_MESSAGES} messages are allowed")
    for index, message in enumerate(messages):
        _check_message(message, f"messages.{index}", model)
    if messages[0]["role"] == "assistant":
        raise invalid("messages", 'first message must use the "user" role')
    _check_tool_pairs(messages)
    _check_end(messages, model)


def check_system(body: Body) -> None:
    """Raise the 400 that the system prompt gets, if any."""
    system = body.get("system")
    if system is None or isinstance(system, str):
        return
    if not isinstance(system, list):
        raise invalid("system", "Input should be a valid string or list")
    for index, block in enumerate(system):
        path = f"system.{index}"
        if not isinstance(block, Mapping) or block.get("type") != "text":
            raise invalid(f"{path}.type", "Input should be 'text'")
        _check_text(block, path, "system")


def _check_message(message: object, path: str, model: Model) -> None:
    if not isinstance(message, Mapping):
        raise invalid(path, "Input should be a valid dictionary")
    role = message.get("role")
    if role not in ("user", "assistant", "system"):
        raise invalid(
            "messages",
            f'Unexpected role "{role}". The Messages API accepts a top-level `system` parameter, '
            "not another role.",
        )
    if role == "system" and not model.system_messages:
        raise invalid(f"{path}.role", "role 'system' is not supported on this model")
    content = message.get("content")
    if content is None:
        raise invalid(f"{path}.content", "Field required")
    if not isinstance(content, (str, list)):
        raise invalid(f"{path}.content", "Input should be a valid string or list")
    if not content:
        raise invalid(path, f"{role} messages must have non-empty content")
    for index, block in enumerate(content_of(message)):
        _check_block(block, f"{path}.content.{index}", role, model)


def _check_block(block: object, path: str, role: str, model: Model) -> None:
    if not isinstance(block, Mapping):
        raise invalid(path, "Input should be a valid dictionary")
    kind = str(block.get("type"))
    checks = _CHECKS_BY_ROLE[role]
    if kind not in checks:
        tags = ", ".join(f"'{tag}'" for tag in checks)
        raise invalid(
            path,
            f"Input tag '{kind}' found using 'type' does not match any of the expected tags: {tags}",
        )
    checks[kind](block, path, model)


def _check_text(block: Body, path: str, where: str = "messages") -> None:
    text = block.get("text")
    if not isinstance(text, str):
        raise invalid(f"{path}.text.text", "Input should be a valid string")
    if not text.strip():
        if block.get("cache_control"):
            raise invalid(f"{path}.text", "cache_control cannot be set for empty text blocks")
        reason = "contain non-whitespace text" if text else "be non-empty"
        raise invalid(where, f"text content blocks must {reason}")


def _text(block: Body, path: str, model: Model) -> None:
    _check_text(block, path)


def _image(block: Body, path: str, model: Model) -> None:
    source = _source(block, f"{path}.image.source", ("base64", "url", "file"))
    path = f"{path}.image.source.{source['type']}"
    if source["type"] != "base64":
        _check_remote(source, path)
        return
    if source.get("media_type") not in IMAGE_TYPES:
        expected = ", ".join(f"'{kind}'" for kind in IMAGE_TYPES)
        raise invalid(f"{path}.media_type", f"Input should be {expected}")
    try:
        content = decode(source.get("data"))
        image = read_image(content)
    except BadMedia as error:
        raise invalid(path, str(error)) from error
    if len(content) > MAX_IMAGE_BYTES:
        raise invalid(
            path, f"image exceeds 5 MB maximum: {len(content)} bytes > {MAX_IMAGE_BYTES} bytes"
        )
    if image.media_type != source["media_type"]:
        raise invalid(
            path,
            f"The image was specified using the {source['media_type']} media type, "
            f"but the image appears to be a {image.media_type} image",
        )
    if max(image.width_px, image.height_px) > MAX_IMAGE_EDGE_PX:
        raise ApiError(
            400,
            f"{path}: At least one of the image dimensions exceed max allowed size: "
            f"{MAX_IMAGE_EDGE_PX} pixels",
            error_code="image_dimensions_too_large",
        )


def _document(block: Body, path: str, model: Model) -> None:
    source = _source(block, f"{path}.document.source", ("base64", "text", "content", "url", "file"))
    path = f"{path}.document.source.{source['type']}"
    if source["type"] == "base64":
        _check_pdf(source, path, model)
    elif source["type"] == "text":
        if source.get("media_type") != "text/plain":
            raise invalid(f"{path}.media_type", "Input should be 'text/plain'")
        if not isinstance(source.get("data"), str) or not source["data"]:
            raise invalid(f"{path}.data", "document text must be non-empty")
    elif source["type"] == "content":
        _check_nested(source.get("content"), path, model)
    else:
        _check_remote(source, path)


def _check_pdf(source: Body, path: str, model: Model) -> None:
    if source.get("media_type") != "application/pdf":
        raise invalid(f"{path}.media_type", "Input should be 'application/pdf'")
    try:
        pages = pdf_pages(source)
    except BadMedia as error:
        raise invalid(path, str(error)) from error
    small = model.context_tokens < 1_000_000
    most = MAX_PDF_PAGES_SMALL_CONTEXT if small else MAX_PDF_PAGES
    if pages > most:
        raise invalid(path, f"A maximum of {most} PDF pages may be provided.")


def _source(block: Body, path: str, kinds: Sequence[str]) -> Mapping[str, Any]:
    source = block.get("source")
    if not isinstance(source, Mapping):
        raise invalid(path, "Field required")
    if source.get("type") not in kinds:
        tags = ", ".join(f"'{kind}'" for kind in kinds)
        raise invalid(
            path,
            f"Input tag '{source.get('type')}' found using 'type' does not match any of the "
            f"expected tags: {tags}",
        )
    return source


def _check_remote(source: Body, path: str) -> None:
    if source["type"] == "file":
        raise ApiError(404, f"File not found: {source.get('file_id')}")
    if not str(source.get("url", "")).startswith("https://"):
        raise invalid(f"{path}.url", "Only HTTPS URLs are supported.")


def _tool_use(block: Body, path: str, model: Model) -> None:
    for name in ("id", "name"):
        if not isinstance(block.get(name), str) or not block[name]:
            raise invalid(f"{path}.tool_use.{name}", "Field required")
    if not isinstance(block.get("input"), Mapping):
        raise invalid(f"{path}.tool_use.input", "Input should be a valid dictionary")


def _tool_result(block: Body, path: str, model: Model) -> None:
    if not isinstance(block.get("tool_use_id"), str):
        raise invalid(f"{path}.tool_result.tool_use_id", "Field required")
    _check_nested(block.get("content") or "", f"{path}.tool_result", model)


def _check_nested(content: object, path: str, model: Model) -> None:
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise invalid(f"{path}.content", "Input should be a valid string or list")
    for index, inner in enumerate(content):
        _check_block(inner, f"{path}.content.{index}", "result", model)


def _thinking(block: Body, path: str, model: Model) -> None:
    if not isinstance(block.get("signature"), str) or not isinstance(block.get("thinking"), str):
        raise invalid(f"{path}.thinking.signature", "Field required")
    if block.get("cache_control"):
        raise invalid(f"{path}.thinking.cache_control", "Extra inputs are not permitted")


def _opaque(block: Body, path: str, model: Model) -> None:
    """Blocks the API wrote itself and gets back as they were."""


_Check = Callable[[Body, str, Model], None]
_CHECKS_BY_ROLE: Mapping[str, Mapping[str, _Check]] = {
    "user": {
        "text": _text,
        "image": _image,
        "document": _document,
        "tool_result": _tool_result,
        "search_result": _opaque,
    },
    "assistant": {
        "text": _text,
        "tool_use": _tool_use,
        "thinking": _thinking,
        "redacted_thinking": _opaque,
        **dict.fromkeys(sorted(SERVER_TOOL_BLOCKS), _opaque),
    },
    "system": {"text": _text},
    "result": {"text": _text, "image": _image, "document": _document, "search_result": _opaque},
}


def _check_tool_pairs(messages: Sequence[Body]) -> None:
    asked: list[str] = []
    for index, message in enumerate(messages):
        blocks = content_of(message)
        answered = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        missing = [one for one in asked if one not in answered]
        if missing:
            raise invalid(
                f"messages.{index - 1}",
                "`tool_use` ids were found without `tool_result` blocks immediately after: "
                f"{', '.join(missing)}. Each `tool_use` block must have a corresponding "
                "`tool_result` block in the next message.",
            )
        for one in answered:
            if one not in asked:
                raise invalid(
                    f"messages.{index}.content",
                    f"unexpected `tool_use_id` found in `tool_result` blocks: {one}. Each "
                    "`tool_result` block must have a corresponding `tool_use` block in the "
                    "previous message.",
                )
        asked = [block["id"] for block in blocks if block["type"] == "tool_use"]
    if asked:
        raise invalid(
            f"messages.{len(messages) - 1}",
            "`tool_use` ids were found without `tool_result` blocks immediately after: "
            f"{', '.join(asked)}.",
        )


def _check_end(messages: Sequence[Body], model: Model) -> None:
    """The last message is the user's; a paused turn may be handed back, a prefill to old models."""
    if messages[-1]["role"] != "assistant":
        return
    blocks = content_of(messages[-1])
    if any(block["type"] in SERVER_TOOL_BLOCKS for block in blocks):
        return
    if not model.prefill:
        raise invalid("", _PREFILL_REFUSED)
    last = blocks[-1]
    if last["type"] == "text" and last["text"] != last["text"].rstrip():
        raise invalid("messages", "final assistant content cannot end with trailing whitespace")
