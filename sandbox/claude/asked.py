"""What a request asks, seen as a conversation: what replies are chosen and written from."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.claude.models import Model
from sandbox.claude.prompt import Body, content_of

_CONTEXT = re.compile(r"\A(\[[^\]\n]*:\]\n)+")
"""Lines in brackets that end in a colon, as bots use to say who speaks."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A validated request."""

    body: Body
    model: Model

    @property
    def text(self) -> str:
        """All text of the last user message that has any; empty if there is none."""
        for said in reversed(self.said_by("user")):
            if said:
                return said
        return ""

    @property
    def question(self) -> str:
        """The last paragraph of that text: what stands before it, or in brackets above it, is context."""
        paragraphs = [part.strip() for part in re.split(r"\n\s*\n", self.text) if part.strip()]
        return _CONTEXT.sub("", paragraphs[-1]) if paragraphs else ""

    @property
    def tools(self) -> Sequence[Mapping[str, Any]]:
        """The client tools on offer."""
        return [tool for tool in self.body.get("tools") or () if "input_schema" in tool]

    @property
    def output_schema(self) -> Mapping[str, Any] | None:
        """The JSON schema the answer must follow, if any."""
        chosen = (self.body.get("output_config") or {}).get("format")
        return None if chosen is None else chosen["schema"]

    @property
    def tool_results(self) -> list[str]:
        """What tools returned in the last message, as text; empty if it holds no results."""
        blocks = content_of(self.body["messages"][-1])
        return [_text_of(block) for block in blocks if block["type"] == "tool_result"]

    @property
    def attachments(self) -> list[str]:
        """The kinds of the images and documents in the last message."""
        blocks = content_of(self.body["messages"][-1])
        return [block["type"] for block in blocks if block["type"] in ("image", "document")]

    def said_by(self, role: str) -> list[str]:
        """The text of each message of that role, oldest first."""
        return [
            "\n".join(block["text"] for block in content_of(message) if block["type"] == "text")
            for message in self.body["messages"]
            if message["role"] == role
        ]


def _text_of(block: Body) -> str:
    if block.get("content") is None:
        return ""
    return "\n".join(str(part["text"]) for part in content_of(block) if part["type"] == "text")
