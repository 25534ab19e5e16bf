"""The shortcut "Ask about this" of a message: a form for the question, and the question it becomes.

https://docs.slack.dev/interactivity/implementing-shortcuts#messages
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from adapters.slack.inbound_text import typed
from adapters.slack.mrkdwn import cut
from adapters.slack.payloads import Json, object_in
from adapters.slack.places import channel_of, is_timestamp, thread_in
from adapters.slack.rich_text import text_of
from bot.vocabulary import Message, Person

SHORTCUT: Final = "ask_about_this"
FORM: Final = "ask_about_this_form"
_BLOCK, _ACTION = "question", "text"
EXCERPT_CHARS: Final = 1_200
"""What the form carries along is limited to 3,000 characters
(https://docs.slack.dev/reference/views/modal-views)."""

MAX_QUESTION_CHARS: Final = 3_000


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about a message."""

    message: Message
    response_url: str


def form(body: Json) -> Json | None:
    """The form to show to who used the shortcut; None if it is not ours."""
    message, channel = object_in(body.get("message")), object_in(body.get("channel"))
    ts, channel_id = str(message.get("ts") or ""), str(channel.get("id") or "")
    if body.get("callback_id") != SHORTCUT or not is_timestamp(ts) or not channel_id:
        return None
    about = {
        "channel": channel_id,
        "ts": ts,
        "thread_ts": message.get("thread_ts"),
        "author": message.get("user"),
        "excerpt": cut(text_of(message), EXCERPT_CHARS),
        "response_url": body.get("response_url"),
    }
    field = {
        "type": "plain_text_input",
        "action_id": _ACTION,
        "multiline": True,
        "max_length": MAX_QUESTION_CHARS,
        "focus_on_load": True,
    }
    return {
        "type": "modal",
        "callback_id": FORM,
        "title": _plain("Ask about this"),
        "submit": _plain("Ask"),
        "close": _plain("Cancel"),
        "private_metadata": json.dumps(about),
        "blocks": [
            {
                "type": "input",
                "block_id": _BLOCK,
                "label": _plain("Your question; the answer comes in the message's thread"),
                "element": field,
            }
        ],
    }


def asked(body: Json, *, workspace: str, now: datetime) -> Asked | None:
    """The question of a form that was sent; None if it is not ours, or empty."""
    view, user = object_in(body.get("view")), object_in(body.get("user"))
    if view.get("callback_id") != FORM:
        return None
    about = json.loads(str(view.get("private_metadata") or "{}"))
    question = _value(view).strip()
    if not question or not is_timestamp(str(about.get("ts"))):
        return None
    channel = channel_of(workspace, str(about["channel"]))
    thread_ts = about.get("thread_ts")
    user_id = str(user.get("id") or "")
    message = Message(
        thread=thread_in(channel, ts=str(about["ts"]), thread_ts=thread_ts),
        id=f"ask-{view.get('id')}",
        author=Person(user_id, str(user.get("name") or user.get("username") or user_id)),
        text=_text(about, question),
        sent_at=now,
        addressed=True,
    )
    return Asked(message, str(about.get("response_url") or ""))


def _text(about: Json, question: str) -> str:
    excerpt = typed(str(about.get("excerpt") or "")).strip()
    if not excerpt:
        return question
    said_by = f"<@{about['author']}>" if about.get("author") else "somebody"
    return f"[About what {said_by} said:]\n{excerpt}\n\n{question}"


def _value(view: Json) -> str:
    values = object_in(object_in(view.get("state")).get("values"))
    return str(object_in(object_in(values.get(_BLOCK)).get(_ACTION)).get("value") or "")


def _plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}
