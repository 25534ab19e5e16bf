"""The steps of a turn in which plugins have their say: announcements, commands, filters."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import structlog

from bot.engine import endings, notices
from bot.engine.accounts import ChannelLimited
from bot.engine.attachments import Reading
from bot.engine.turn_run import TurnRun
from bot.engine.turn_surroundings import filtered, occasion_of
from bot.host.command_line import Called, arguments, called
from bot.host.errors import PluginFailed
from bot.host.occasion import Occasion
from bot.host.surroundings import stored
from bot.plugins import Answer, Ask, File, Told
from bot.plugins.declarations import CommandSpec
from bot.plugins.signature import WrongArguments
from bot.ports import PlatformError
from bot.vocabulary import ANSWERS, ChannelKind, Message, TurnOutcome
from storage.errors import BudgetExceeded, Unpriced
from storage.history import NewSaid
from storage.turns import Answered

log = structlog.get_logger(__name__)

FILTERED = ANSWERS - {TurnOutcome.REFUSED} | {TurnOutcome.COMMAND, TurnOutcome.ANNOUNCED}
"""Outcomes whose text is Claude's or a plugin's, and not a plain sentence of the bot's own."""


async def one_at_a_time(turn: TurnRun) -> Answered | None:
    """Questions that wait together are answered together, but a command or an announcement alone; what
    comes after it is the next turn's."""
    alone = [_stands_alone(turn, message) for message in turn.messages]
    if any(alone):
        count = max(1, alone.index(True))
        turn.work = replace(turn.work, messages=turn.work.messages[:count])
    return None


async def announce(turn: TurnRun) -> Answered | None:
    """Say what a plugin or a schedule has to say."""
    message = turn.messages[0]
    if not message.announcement:
        return None
    return endings.ended(
        turn,
        TurnOutcome.ANNOUNCED,
        message.text,
        said=message.text,
        files=message.files,
        card=message.card,
    )


async def filter_question(turn: TurnRun) -> Answered | None:
    """Let the filters see what was said, and stop what they block."""
    occasion, plugins = occasion_of(turn), turn.services.plugins
    turn.held_back = plugins.has_filters("outbound", occasion)
    if not plugins.has_filters("inbound", occasion):
        return None
    for message in turn.messages:
        passed = await filtered(turn, "inbound", message.text)
        if passed.blocked is not None:
            told = passed.blocked if message.addressed else None
            return endings.ended(turn, TurnOutcome.BLOCKED, told, keep=False)
        turn.texts[message.id] = passed.text
    return None


async def filtered_context(turn: TurnRun, said: Sequence[Message]) -> Sequence[Message]:
    """What was said before, as the filters let it through; what they block is left out."""
    occasion = occasion_of(turn)
    if not turn.services.plugins.has_filters("inbound", occasion):
        return said
    passed = [(each, await filtered(turn, "inbound", each.text)) for each in said]
    return [replace(each, text=to.text) for each, to in passed if to.blocked is None]


async def filtered_files(
    turn: TurnRun, readings: Sequence[Reading]
) -> tuple[list[Reading], str | None]:
    """What files of text say as the filters let it through, and the reason if one must not be read."""
    passed: list[Reading] = []
    for reading in readings:
        text = reading.block.get("text")
        if isinstance(text, str):
            through = await filtered(turn, "inbound", text)
            if through.blocked is not None:
                return [], through.blocked
            if through.text != text:
                reading = Reading.of_text(through.text)
        passed.append(reading)
    return passed, None


async def take_command(turn: TurnRun) -> Answered | None:
    """Run the command that was called, if it is one."""
    call = called(turn.messages[0].text)
    if call is None:
        return None
    occasion, plugins = occasion_of(turn), turn.services.plugins
    spec = plugins.command(call.name, occasion)
    if spec is None:
        return None if call.bare else _did_you_mean(turn, call, occasion)
    if call.bare and any(each.required for each in spec.signature.parameters):
        return None
    if not plugins.may_use(spec, occasion.role):
        return _said(turn, f"Only admins can use `/{spec.name}` here.")
    try:
        given = arguments(spec, call.rest)
    except WrongArguments as error:
        return _said(turn, f"`/{spec.name}`: {error}. It is called so: `{spec.usage}`")
    await turn.reply.begin()
    return await _run(turn, spec, given, occasion)


async def _run(
    turn: TurnRun, spec: CommandSpec, given: Mapping[str, Any], occasion: Occasion
) -> Answered | None:
    """What the command answers, or why it can't; None if it wants Claude to be asked."""
    try:
        answer = await turn.services.plugins.run_command(spec, given, occasion)
    except Told as error:
        return _said(turn, str(error))
    except PluginFailed as error:
        if isinstance(why := error.__cause__, ChannelLimited | BudgetExceeded | Unpriced):
            return await endings.foreseen(turn, why)  # the plugin is not to blame
        log.error("command failed", command=spec.name, plugin=spec.plugin, why=str(error))
        turn.detail = f"plugin {spec.plugin}"
        sentence = notices.command_failed(turn.id, command=spec.name)
        return endings.ended(turn, TurnOutcome.FAILED, sentence, keep=False)
    if isinstance(answer, Ask):
        turn.texts[turn.messages[0].id] = answer.text
        return None
    return await _answered(turn, spec, answer)


async def filtered_answer(turn: TurnRun, answered: Answered) -> Answered:
    """The ending as the outbound filters let it through."""
    if answered.answer is None or answered.outcome not in FILTERED:
        return answered
    occasion = occasion_of(turn)
    if not turn.services.plugins.has_filters("outbound", occasion):
        return answered
    passed = await filtered(turn, "outbound", answered.answer)
    if passed.blocked is not None:
        return replace(
            answered,
            outcome=TurnOutcome.BLOCKED,
            answer=passed.blocked,
            history=endings.looked_back(turn),
            remembered=None,
            files=(),
        )
    if passed.text == answered.answer:
        return answered
    said = tuple(
        _resaid(each, passed.text) if index == len(answered.history) - 1 else each
        for index, each in enumerate(answered.history)
    )
    return replace(answered, answer=passed.text, history=said, remembered=None)


async def _answered(turn: TurnRun, spec: CommandSpec, answer: Answer) -> Answered:
    for file in answer.files:
        blocked = await _blocked_file(turn, file)
        if blocked is not None:
            return endings.ended(turn, TurnOutcome.BLOCKED, blocked, keep=False)
    files = await stored(turn.services.database, answer.files)
    shared = turn.channel.kind is ChannelKind.SHARED
    if spec.private and shared and not files and await _told_privately(turn, answer.text):
        return endings.ended(turn, TurnOutcome.COMMAND, None, keep=False)
    return endings.ended(turn, TurnOutcome.COMMAND, answer.text, keep=False, files=files)


async def _told_privately(turn: TurnRun, text: str) -> bool:
    """Show it to the person alone, where the platform can; false if it has to be shown to all."""
    if not turn.adapter.capabilities.private_notices:
        return False
    passed = await filtered(turn, "outbound", text)
    try:
        await turn.adapter.notice(
            turn.work.held.thread, turn.asker, passed.blocked or passed.text, f"{turn.id}.p"
        )
    except PlatformError as error:
        log.warning("not told privately", error=str(error))
        return False
    return True


async def _blocked_file(turn: TurnRun, file: File) -> str | None:
    """Why a file of text must not be sent, if so."""
    if not file.media_type.startswith("text/") and file.media_type != "application/json":
        return None
    text = file.content.decode("utf-8", "replace")
    passed = await filtered(turn, "outbound", text)
    if passed.blocked is None and passed.text != text:
        return notices.filter_failed(turn.id)
    return passed.blocked


def _stands_alone(turn: TurnRun, message: Message) -> bool:
    if message.announcement:
        return True
    call = called(message.text)
    return (
        call is not None and turn.services.plugins.command(call.name, occasion_of(turn)) is not None
    )


def _did_you_mean(turn: TurnRun, call: Called, occasion: Occasion) -> Answered | None:
    """A slash and a word that is nearly a command's name; anything else is a question."""
    names = [command.name for command in turn.services.plugins.commands(occasion)]
    near = difflib.get_close_matches(call.name, names, n=1, cutoff=0.75)
    if not near:
        return None
    return _said(turn, f"There is no command `/{call.name}`. Did you mean `/{near[0]}`?")


def _said(turn: TurnRun, sentence: str) -> Answered:
    return endings.ended(turn, TurnOutcome.COMMAND, sentence, keep=False)


def _resaid(said: NewSaid, text: str) -> NewSaid:
    if said.role != "assistant":
        return said
    return replace(said, content=({"type": "text", "text": text},))
