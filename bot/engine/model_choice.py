"""Which model people have chosen: for a thread, or for a whole channel."""

import json
from dataclasses import replace

import structlog

from bot.engine.turn_run import TurnRun
from bot.plugins import ModelsHere, Told
from bot.vocabulary import Thread
from config.overrides import ChannelSettings
from storage import plugin_values
from storage.turns import Answered

log = structlog.get_logger(__name__)

HOST = "(host)"
"""Under this name the engine keeps values of its own; no plugin can have it."""

KEY = "model"


async def use_chosen_model(turn: TurnRun) -> Answered | None:
    """Ask the model that was chosen here, if it may still be chosen."""
    scopes = _scopes(turn.conversation)
    found = await turn.services.database.look(plugin_values.of_scopes, HOST, scopes, KEY)
    allowed = _configured(turn).claude.allowed_models
    for scope in scopes:
        chosen = found.get(scope)
        if chosen in allowed:
            _use(turn, chosen, where=scope.partition(" ")[0])
            break
    return None


def models_here(turn: TurnRun) -> ModelsHere:
    """What is asked here, and what may be."""
    configured = _configured(turn).claude
    return ModelsHere(
        current=turn.channel_settings.claude.model,
        chosen_for=turn.model_chosen_for,
        configured=configured.model,
        allowed=configured.allowed_models,
    )


async def choose(turn: TurnRun, model: str | None, *, channel: bool) -> ModelsHere:
    """Have the thread, or the channel, answered by a model; None is the one of the settings again.

    Raises:
        Told: it may not be chosen.
    """
    allowed = _configured(turn).claude.allowed_models
    if model is not None and model not in allowed:
        raise Told(f"`{model}` can't be chosen here; there are {', '.join(allowed)}.")
    database, scopes = turn.services.database, _scopes(turn.conversation)
    scope = scopes[1] if channel else scopes[0]
    if model is None:
        await database.write(plugin_values.remove, HOST, scope, KEY)
    else:
        await database.write(
            plugin_values.put, HOST, scope, KEY, json.dumps(model), now=database.now()
        )
    log.info("model chosen", model=model, scope="channel" if channel else "thread")
    turn.channel_settings, turn.model_chosen_for = _configured(turn), None
    await use_chosen_model(turn)
    return models_here(turn)


def _use(turn: TurnRun, model: str, *, where: str) -> None:
    claude = turn.channel_settings.claude.model_copy(update={"model": model})
    turn.channel_settings = replace(turn.channel_settings, claude=claude)
    turn.model_chosen_for = where


def _configured(turn: TurnRun) -> ChannelSettings:
    channel = turn.channel
    return turn.services.settings.for_channel(
        channel_key=channel.key, workspace_key=channel.workspace_key
    )


def _scopes(thread: Thread) -> tuple[str, str]:
    """The stronger one first."""
    return f"thread {thread.key}", f"channel {thread.channel.key}"
