"""The buttons under messages: what they say, and what a press of one means.

A button carries the thread it belongs to, so that a press is understood on any replica, and whatever
message it was pressed under.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from adapters.slack.mrkdwn import cut
from adapters.slack.payloads import Json
from bot.ports import Choice, Controls, Option
from bot.vocabulary import Channel, ChoiceMade, Event, Person, Rated, StopRequested, Thread

STOP: Final = "parley_stop"
RATE: Final = "parley_rate"
CHOOSE: Final = "parley_choose"
LABEL_CHARS: Final = 75
"""https://docs.slack.dev/reference/block-kit/block-elements/button-element"""

MAX_OPTIONS: Final = 25
"""https://docs.slack.dev/reference/block-kit/blocks/actions-block"""


def stop_block(thread: Thread) -> Json:
    """A button that ends the answer where it is."""
    return {"type": "actions", "elements": [_button(STOP, "Stop", _packed(thread.id))]}


def rating_block(thread: Thread, mark: str) -> Json:
    """Thumbs up and down (https://docs.slack.dev/reference/block-kit/blocks/context-actions-block)."""
    element = {
        "type": "feedback_buttons",
        "action_id": RATE,
        "positive_button": _opinion("Good answer", _packed(thread.id, mark, "good")),
        "negative_button": _opinion("Bad answer", _packed(thread.id, mark, "bad")),
    }
    return {"type": "context_actions", "elements": [element]}


def choice_block(thread: Thread, choice: Choice) -> Json:
    """A button for each option."""
    elements = [
        _button(
            f"{CHOOSE}_{number}", option.label, _packed(thread.id, choice.id, option.id), option
        )
        for number, option in enumerate(choice.options[:MAX_OPTIONS])
    ]
    return {"type": "actions", "elements": elements}


def blocks_below(
    thread: Thread, mark: str, choice: Choice | None, controls: Controls
) -> Sequence[Json]:
    """What stands under a message."""
    if choice is not None:
        return (choice_block(thread, choice),)
    match controls:
        case Controls.STOP:
            return (stop_block(thread),)
        case Controls.RATE:
            return (rating_block(thread, mark),)
    return ()


def pressed(action: Json, channel: Channel, by: Person) -> Event | None:
    """What the press of a button means; None if it is no button of ours."""
    action_id, packed = str(action.get("action_id", "")), _unpacked(action.get("value"))
    match (action_id, packed):
        case (_, [thread_id]) if action_id == STOP:
            return StopRequested(Thread(channel, thread_id), by)
        case (_, [thread_id, mark, opinion]) if action_id == RATE:
            turn_id = mark.rpartition(".")[0] or mark
            return Rated(Thread(channel, thread_id), turn_id, opinion == "good", by)
        case (_, [thread_id, choice_id, option]) if action_id.startswith(CHOOSE):
            return ChoiceMade(Thread(channel, thread_id), choice_id, option, by)
    return None


def _button(action_id: str, label: str, value: str, option: Option | None = None) -> Json:
    button: dict[str, Any] = {
        "type": "button",
        "action_id": action_id,
        "text": {"type": "plain_text", "text": cut(label, LABEL_CHARS), "emoji": True},
        "value": value,
    }
    return button | {"style": "danger"} if option is not None and option.danger else button


def _opinion(label: str, value: str) -> Json:
    return {
        "text": {"type": "plain_text", "text": label},
        "accessibility_label": label,
        "value": value,
    }


def _packed(*parts: str) -> str:
    return json.dumps(parts)


def _unpacked(value: object) -> list[str] | None:
    try:
        parts = json.loads(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return parts if isinstance(parts, list) and all(isinstance(p, str) for p in parts) else None
