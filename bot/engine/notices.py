"""Everything the bot says of its own accord: plain sentences, in one place and one voice.

Where something failed, the sentence carries a reference that the logs carry too. No exception names,
no JSON, no keys.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.money.periods import moment_in_words
from bot.vocabulary import label, reference_of

THINKING = "is thinking…"

STOPPED = "_Stopped._"
NOTHING_TO_SAY = "_Stopped before anything was written._"
REFUSED = "Claude declined to answer this. Asking it in another way may help."
OVERLOADED = "I have more questions than I can take right now. Please ask again in a few minutes."


def queued(wait_s: float, *, limit: int, per_s: float) -> str:
    """The channel's rate limit is used up; the answer will come."""
    return (
        f"This channel has reached its limit of {limit} answers in {duration(per_s)}. "
        f"Yours is queued and comes in about {duration(wait_s)}."
    )


def limited(wait_s: float, *, limit: int, per_s: float) -> str:
    """The channel's rate limit is used up; the question was turned away."""
    return (
        f"This channel has reached its limit of {limit} answers in {duration(per_s)}. "
        f"Please ask again in about {duration(wait_s)}."
    )


def over_budget(resets_at: datetime, *, zone: ZoneInfo) -> str:
    """A budget has no room, whatever the answers under way come to."""
    afresh = f"{moment_in_words(resets_at, zone)} ({zone.key})"
    return f"The budget for answers here is used up. It starts afresh on {afresh}."


def waiting_for_room() -> str:
    """What is left of a budget is held for others; the answer will come."""
    return (
        "The rest of the budget here is set aside for answers under way. "
        "Yours comes as soon as there is room."
    )


def set_aside() -> str:
    """The same, and it was not waited for, or in vain."""
    return (
        "The rest of the budget here is set aside for answers under way. "
        "Please try again in a moment."
    )


def unpriced(turn_id: str) -> str:
    """A budget applies, and what the model costs is not known."""
    return (
        "A budget applies here, and what this model costs is not known, so I can't answer. "
        f"Please tell whoever runs me{_reference(turn_id)}."
    )


def postponed(turn_id: str) -> str:
    """No model can be reached; the turn waits."""
    return f"Claude can't be reached just now. I'll answer here as soon as it can{_reference(turn_id)}."


def failed(turn_id: str) -> str:
    """Something went wrong for good."""
    return f"Sorry, I couldn't answer this. Please try again in a while{_reference(turn_id)}."


def out_of_service(turn_id: str) -> str:
    """The account can't be used: a wrong key, or no credit."""
    return (
        "Sorry, I can't answer at the moment: my account with Claude needs attention. "
        f"Please tell whoever runs me{_reference(turn_id)}."
    )


def too_slow(turn_id: str) -> str:
    """The deadline of the turn passed."""
    return f"Sorry, this took too long and I gave up. Please ask again{_reference(turn_id)}."


def too_long(tokens: int, *, limit: int) -> str:
    """What was sent is larger than what is read at once."""
    return (
        f"That is too long for me: about {tokens:,} tokens, and I read {limit:,} at most. "
        "Please send less, or in parts."
    )


def cut_off(limit_tokens: int) -> str:
    """The answer reached the limit of its length."""
    return f"_Cut off here: an answer may have {limit_tokens:,} tokens. Ask me to go on._"


def given_before(when: datetime, *, zone: ZoneInfo) -> str:
    """Stands above an older answer that is given because no model can be reached."""
    local = when.astimezone(zone)
    return (
        "_Claude can't be reached just now. "
        f"This is the answer I gave to the same question on {local.day} {local:%B %Y}:_"
    )


def command_failed(turn_id: str, *, command: str) -> str:
    """A plugin's command failed."""
    return f"Sorry, `/{command}` did not work. Please try again in a while{_reference(turn_id)}."


def filter_failed(turn_id: str) -> str:
    """A filter that must not be passed over failed."""
    return (
        "Sorry, I can't handle this now: a safety check did not work. "
        f"Please try again in a while{_reference(turn_id)}."
    )


def may_i(tool: str, *, plugin: str, given: Mapping[str, Any]) -> str:
    """Asks the person whether a tool may be used."""
    shown = ", ".join(f"{key}: {_shortened(value)}" for key, value in given.items())
    return f"May I use **{tool}** ({plugin}){f' with {shown}' if shown else ''}?"


def unreadable(name: str, why: str) -> str:
    """Tells the model, in the person's message, about a file that it does not get to see."""
    return f"[The file {label(name)} is attached but could not be read: {why}.]"


def duration(seconds: float) -> str:
    """A duration as people say it: `40 seconds`, `2 minutes`, `a minute`."""
    if seconds < 1.5:
        return "a second"
    if round(seconds) < 60:
        return f"{round(seconds)} seconds"
    minutes = round(seconds / 60)
    if minutes == 1:
        return "a minute"
    if minutes < 90:
        return f"{minutes} minutes"
    return f"{round(minutes / 60)} hours"


def _shortened(value: object) -> str:
    """A value as it can stand in a sentence, its code marks taken away."""
    text = " ".join(str(value).replace("`", "'").split())
    return f"`{text if len(text) <= 200 else text[:199] + '…'}`"


def _reference(turn_id: str) -> str:
    return f" (reference {reference_of(turn_id)})"
