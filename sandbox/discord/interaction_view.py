"""What other processes are told of an interaction."""

from typing import Any

from pydantic.dataclasses import dataclass

from sandbox.discord.interactions import Interaction


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionView:
    """What somebody did, and what came of it."""

    id: str
    type: int
    user_id: str
    channel_id: str
    response: int | None
    modal: dict[str, Any] | None
    choices: tuple[dict[str, Any], ...]
    message_ids: tuple[str, ...]


def interaction_view(interaction: Interaction) -> InteractionView:
    """An interaction."""
    return InteractionView(
        id=str(interaction.id),
        type=int(interaction.type),
        user_id=str(interaction.user_id),
        channel_id=str(interaction.channel_id),
        response=None if interaction.response is None else int(interaction.response),
        modal=None if interaction.modal is None else dict(interaction.modal),
        choices=tuple(dict(each) for each in interaction.choices),
        message_ids=tuple(str(each.id) for each in interaction.messages),
    )
