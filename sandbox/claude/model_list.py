"""The models endpoint's view of a model."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from sandbox.claude.errors import invalid
from sandbox.claude.models import MODELS, Model

DEFAULT_PAGE = 20
LARGEST_PAGE = 1_000
_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_THINKING = ("adaptive", "between_tools", "disabled", "enabled")


def model_info(model: Model, now: datetime) -> dict[str, Any]:
    """One model, as `GET /v1/models/{id}` describes it."""
    leaving = model.retires is not None and not model.retired(now)
    return {
        "type": "model",
        "id": model.reported_id,
        "display_name": model.name,
        "line": model.line,
        "created_at": _midnight(model.released),
        "lifecycle": "deprecated" if leaving else "active",
        "deprecated_at": None,
        "retires_at": None if model.retires is None else _midnight(model.retires),
        "max_input_tokens": model.context_tokens,
        "max_tokens": model.max_output_tokens,
        "capabilities": _capabilities(model),
    }


def model_page(query: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """A page of models, newest first, as `GET /v1/models` gives it."""
    try:
        limit = int(query.get("limit", DEFAULT_PAGE))
    except ValueError:
        limit = 0
    if not 1 <= limit <= LARGEST_PAGE:
        raise invalid("limit", f"Input should be between 1 and {LARGEST_PAGE}")
    listed = [model_info(model, now) for model in MODELS if not model.retired(now)]
    ids = [one["id"] for one in listed]
    if query.get("after_id") in ids:
        listed = listed[ids.index(query["after_id"]) + 1 :]
    if query.get("before_id") in ids:
        listed = listed[: ids.index(query["before_id"])]
    page = listed[:limit]
    return {
        "data": page,
        "has_more": len(listed) > limit,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
    }


def _midnight(day: date) -> str:
    return datetime.combine(day, time(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _capabilities(model: Model) -> dict[str, Any]:
    yes, no = {"supported": True}, {"supported": False}
    return {
        "batch": yes,
        "citations": yes,
        "code_execution": no,
        "context_management": no,
        "effort": {
            "supported": bool(model.efforts),
            **{level: {"supported": level in model.efforts} for level in _EFFORTS},
        },
        "image_input": yes,
        "pdf_input": yes,
        "server_tools": {"supported": True, "web_search": yes, "code_execution": no},
        "structured_outputs": yes,
        "thinking": {
            "supported": True,
            "types": {kind: {"supported": kind in model.thinking} for kind in _THINKING},
        },
    }
