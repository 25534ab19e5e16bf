"""Buttons. What is pressed carries all that is needed, so that any replica can act on it."""

from dataclasses import dataclass
from typing import Any, Final

from adapters.discord.identity import channel_of
from bot.ports import Choice, Controls, Part
from bot.vocabulary import ChoiceMade, Event, Person, Rated, StopRequested, Thread

MAX_CUSTOM_ID: Final = 100
"""https://discord.com/developers/docs/components/reference#anatomy-of-a-component-custom-id"""
MAX_LABEL: Final = 80
MAX_BUTTONS_IN_ROW: Final = 5

_ROW: Final = 1
_BUTTON: Final = 2
_GREY: Final = 2
_BLUE: Final = 1
_RED: Final = 4

_STOP: Final = "s"
_GOOD: Final = "g"
_BAD: Final = "b"
_CHOICE: Final = "c"


@dataclass(frozen=True, slots=True)
class Pressed:
    """What a custom id says."""

    kind: str
    channel_id: str
    thread_id: str
    mark: str
    choice_id: str = ""
    option: str = ""

    @property
    def turn_id(self) -> str:
        """The turn whose message it was."""
        return self.mark.rpartition(".")[0]

    def thread(self, guild_id: str | None) -> Thread:
        """The conversation of the message."""
        return Thread(channel_of(guild_id, self.channel_id), self.thread_id)

    def event(self, guild_id: str | None, by: Person) -> Event:
        """What the press means."""
        thread = self.thread(guild_id)
        if self.kind == _STOP:
            return StopRequested(thread, by)
        if self.kind in (_GOOD, _BAD):
            return Rated(thread, self.turn_id, self.kind == _GOOD, by)
        return ChoiceMade(thread, self.choice_id, self.option, by)


def components_of(thread: Thread, part: Part) -> list[dict[str, Any]]:
    """The buttons under a part, as message components."""
    if part.choice is not None:
        return _rows(_choice_buttons(thread, part.mark, part.choice))
    match part.controls:
        case Controls.STOP:
            return _rows([_button(_id(_STOP, thread, part.mark), label="Stop")])
        case Controls.RATE:
            return _rows(
                [
                    _button(_id(_GOOD, thread, part.mark), emoji="\N{THUMBS UP SIGN}"),
                    _button(_id(_BAD, thread, part.mark), emoji="\N{THUMBS DOWN SIGN}"),
                ]
            )
        case _:
            return []


def pressed(custom_id: str) -> Pressed | None:
    """What a custom id says; None if it is none of ours."""
    fields = custom_id.split("|")
    if len(fields) not in (4, 6) or fields[0] not in (_STOP, _GOOD, _BAD, _CHOICE):
        return None
    return Pressed(*fields)


def said_by(components: list[dict[str, Any]]) -> Pressed | None:
    """What the buttons of a message of ours say of it; None where it has none."""
    for row in components:
        for button in row.get("components") or ():
            found = pressed(str(button.get("custom_id") or ""))
            if found is not None:
                return found
    return None


def _id(kind: str, thread: Thread, mark: str, *more: str) -> str:
    custom_id = "|".join((kind, thread.channel.id, thread.id, mark, *more))
    if len(custom_id) > MAX_CUSTOM_ID:  # then it can't be found by its mark, but it can be pressed
        custom_id = "|".join((kind, thread.channel.id, thread.id, "", *more))
    return custom_id


def _choice_buttons(thread: Thread, mark: str, choice: Choice) -> list[dict[str, Any]]:
    return [
        _button(
            _id(_CHOICE, thread, mark, choice.id, option.id),
            label=option.label[:MAX_LABEL],
            style=_RED if option.danger else _BLUE if at == 0 else _GREY,
        )
        for at, option in enumerate(choice.options)
    ]


def _button(
    custom_id: str, *, label: str = "", emoji: str = "", style: int = _GREY
) -> dict[str, Any]:
    button: dict[str, Any] = {"type": _BUTTON, "style": style, "custom_id": custom_id}
    if label:
        button["label"] = label
    if emoji:
        button["emoji"] = {"name": emoji}
    return button


def _rows(buttons: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"type": _ROW, "components": buttons[at : at + MAX_BUTTONS_IN_ROW]}
        for at in range(0, len(buttons), MAX_BUTTONS_IN_ROW)
    ]
