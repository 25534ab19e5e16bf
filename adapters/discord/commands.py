"""The commands that Discord lists: written to it only when they changed.

https://discord.com/developers/docs/interactions/application-commands
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final

import structlog

from adapters.discord.places import MANAGE_GUILD
from adapters.discord.rest import Json, Rest
from bot.ports import AdapterStore, CommandOffer, CommandParameter

log = structlog.get_logger(__name__)

ASK_ABOUT: Final = "Ask about this"
"""In the menu of every message."""
MAX_DESCRIPTION: Final = 100
MAX_OPTIONS: Final = 25
_SLASH: Final = 1
_MESSAGE_MENU: Final = 3
_INSTALLED: Final = [0, 1]
"""In a server, and for oneself: then commands work in every direct message too."""
_CONTEXTS: Final = [0, 1, 2]
_KINDS: Final = {"text": 3, "integer": 4, "boolean": 5, "number": 10}


def private_commands(offers: Sequence[CommandOffer]) -> frozenset[str]:
    """The names of those whose answer concerns one person."""
    return frozenset(offer.name for offer in offers if offer.private)


def commands_of(offers: Sequence[CommandOffer]) -> list[Json]:
    """The commands as Discord wants to be told them."""
    return [*(_slash(offer) for offer in offers), _ask_about()]


async def synchronise(
    offers: Sequence[CommandOffer], *, rest: Rest, store: AdapterStore, application_id: str
) -> bool:
    """Write the commands to Discord if they are not what was last written; whether they were written.

    Raises:
        PlatformError: Discord did not take them.
        IntakeUnavailable: what was last written is not known.
    """
    commands = commands_of(offers)
    fingerprint = hashlib.sha256(json.dumps(commands, sort_keys=True).encode()).hexdigest()
    key = f"commands {application_id}"
    if await store.get(key) == fingerprint:
        return False
    await rest.ask(
        "PUT",
        "/applications/{application_id}/commands",
        body=commands,
        application_id=application_id,
    )
    await store.set(key, fingerprint)
    log.info("commands written to Discord", commands=len(commands))
    return True


def _slash(offer: CommandOffer) -> Json:
    ordered = sorted(offer.parameters, key=lambda each: not each.required)
    command: Json = {
        "type": _SLASH,
        "name": offer.name.lower(),
        "description": _described(offer.summary, offer.name),
        "options": [_option(each) for each in ordered[:MAX_OPTIONS]],
        "integration_types": _INSTALLED,
        "contexts": _CONTEXTS,
    }
    if offer.admin:
        command["default_member_permissions"] = str(MANAGE_GUILD)
    return command


def _ask_about() -> Json:
    return {
        "type": _MESSAGE_MENU,
        "name": ASK_ABOUT,
        "integration_types": _INSTALLED,
        "contexts": _CONTEXTS,
    }


def _option(parameter: CommandParameter) -> dict[str, Any]:
    return {
        "type": _KINDS[parameter.kind],
        "name": parameter.name.lower(),
        "description": _described(parameter.description, parameter.name),
        "required": parameter.required,
    }


def _described(text: str, otherwise: str) -> str:
    text = text.strip() or otherwise
    return text if len(text) <= MAX_DESCRIPTION else f"{text[: MAX_DESCRIPTION - 1]}…"
