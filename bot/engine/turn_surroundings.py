"""What plugin code can do in a turn: show progress, ask the person, read files."""

import asyncio
import contextlib
from collections.abc import Sequence
from decimal import Decimal

from bot.engine import model_choice, money_surroundings, notices
from bot.engine.attachments import is_text
from bot.engine.turn_run import TurnRun
from bot.host.host import Passed
from bot.host.occasion import Occasion
from bot.host.surroundings import HostSurroundings
from bot.plugins import (
    BudgetView,
    CommandInfo,
    ModelsHere,
    Rules,
    Told,
    UsageScope,
    UsageView,
)
from bot.plugins.declarations import Stage
from bot.ports import Choice, Option, PlatformError
from bot.vocabulary import Attachment, Rated, storable
from storage import choices, history, threads, turns
from storage.turns import Window

ALLOW = Option("allow", "Allow")
DENY = Option("deny", "Deny", danger=True)


def occasion_of(turn: TurnRun, *, filtering: bool = False) -> Occasion:
    """What plugin code that runs in this turn is given. `filtering`: it is a filter, which sees files as
    they are."""
    return Occasion(
        around=lambda plugin: TurnSurroundings(turn, plugin=plugin, filtering=filtering),
        books=turn.books,
        models=turn.channel_settings.claude.models,
        deadline_s=max(1.0, turn.remaining_s()),
        switches=turn.channel_settings.plugins,
        channel=turn.channel,
        message=turn.messages[-1],
        person=turn.asker,
        role=turn.role,
        turn_id=turn.id,
    )


class TurnSurroundings(HostSurroundings):
    """The surroundings of a turn."""

    def __init__(self, turn: TurnRun, *, plugin: str, filtering: bool = False) -> None:
        super().__init__(
            database=turn.services.database,
            intake=turn.services.intake,
            plugin=plugin,
            channel=turn.channel,
        )
        self._turn = turn
        self._filtering = filtering

    def show(self, text: str) -> None:
        """Show this in the reply until there is more; not where it would have to be filtered first."""
        if not self._turn.held_back:
            self._turn.reply.update(storable(text))

    async def confirm(self, question: str) -> bool:
        """Ask the person who asked the turn's question."""
        return await asked_to_allow(self._turn, question)

    def commands(self) -> Sequence[CommandInfo]:
        """The commands that the asker may use here."""
        specs = self._turn.services.plugins.commands(occasion_of(self._turn))
        return [
            CommandInfo(each.name, each.usage, each.summary, each.description) for each in specs
        ]

    async def reset(self) -> None:
        """The history window begins after what is there; the turn's end writes that down, or a
        transaction of its own if the command is answered beside the conversation."""
        turn = self._turn
        held = turn.work.held
        if turn.conversation != held.thread:
            await turn.services.database.write(threads.begin_afresh, turn.conversation.key)
            return
        said = await turn.services.database.read(
            history.window, held.fence.thread_key, start=held.window_start
        )
        turn.window = Window(start=said[-1].id + 1 if said else held.window_start, summary=None)

    def models(self) -> ModelsHere:
        """As people chose, or as the settings say."""
        return model_choice.models_here(self._turn)

    async def choose_model(self, model: str | None, channel: bool) -> ModelsHere:
        """From the next question on, and for what this command asks."""
        return await model_choice.choose(self._turn, model, channel=channel)

    def rules(self) -> Rules:
        """Of the channel that the turn is in."""
        turn = self._turn
        here, everywhere = turn.channel_settings, turn.services.settings
        return Rules(
            fallback_models=tuple(each for each in here.claude.models if each != here.claude.model),
            effort=here.claude.effort,
            max_output_tokens=here.claude.max_output_tokens,
            deadline_s=here.claude.turn_deadline_s,
            channel_messages=here.limits.channel_messages,
            channel_per_s=here.limits.channel_per_s,
            on_limit=here.limits.on_limit,
            followups=here.threads.followups,
            max_input_tokens=everywhere.context.max_input_tokens,
            text_days=everywhere.retention.text_days,
            plugins=turn.services.plugins.on_here(occasion_of(turn)),
        )

    async def rate(self, good: bool) -> str | None:
        """The last answer of the turn's thread."""
        turn, services = self._turn, self._turn.services
        thread = turn.conversation
        rated = await services.database.read(turns.last_answered, thread.key)
        if rated is not None:
            await services.intake.receive(Rated(thread, rated, good, turn.asker))
        return rated

    async def forget_person(self) -> Sequence[str]:
        """Of the workspace that the turn is in."""
        turn = self._turn
        return await turn.services.plugins.forget(turn.channel, turn.asker, occasion_of(turn))

    async def usage(self, scope: UsageScope, period: str) -> UsageView:
        """As far as it is the asker's to know."""
        return await money_surroundings.usage_of(self._turn, scope, period)

    async def budgets(self) -> Sequence[BudgetView]:
        """Those that the asker may see."""
        return await money_surroundings.budgets_for(self._turn)

    async def raise_budget(self, name: str, amount_usd: Decimal) -> BudgetView:
        """In the asker's name."""
        return await money_surroundings.raise_budget(self._turn, name, amount_usd)

    async def reset_budget(self, name: str) -> BudgetView:
        """In the asker's name."""
        return await money_surroundings.reset_budget(self._turn, name)

    async def read(self, attachment: Attachment, max_bytes: int) -> bytes:
        """Fetch a file that came with the message; one of text as the filters let it through."""
        try:
            content = await self._turn.adapter.fetch(attachment, max_bytes=max_bytes)
        except PlatformError as error:
            raise Told(f"I could not read {attachment.name}: {error}") from error
        if self._filtering or not is_text(attachment):
            return content
        text = content.decode("utf-8", "replace")
        passed = await filtered(self._turn, "inbound", text)
        if passed.blocked is not None:
            raise Told(passed.blocked)
        return content if passed.text == text else passed.text.encode()


async def filtered(turn: TurnRun, stage: Stage, text: str) -> Passed:
    """A text as the filters of a stage let it through."""
    occasion, failed = occasion_of(turn, filtering=True), notices.filter_failed(turn.id)
    return await turn.services.plugins.passed(stage, text, occasion, failed=failed)


async def asked_to_allow(turn: TurnRun, question: str) -> bool:
    """Ask the person who asked the turn's question, with buttons; no answer in time means no, and so does
    a question that a filter blocks. Of several questions one is asked after the other."""
    passed = await filtered(turn, "outbound", question)
    if passed.blocked is not None:
        return False
    question = storable(passed.text)
    async with turn.asking:
        turn.questions += 1
        choice = Choice(f"{turn.id}.q{turn.questions}", question, (ALLOW, DENY))
        clock, patience_s = turn.services.clock, turn.services.settings.tools.confirm_s
        started = clock.monotonic()
        turn.extend(patience_s)
        await turn.reply.begin()
        turn.reply.ask(choice)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience_s):
                    return await _chosen(turn, choice) == ALLOW.id
            return False
        finally:
            turn.reply.ask(None)
            turn.extend(clock.monotonic() - started - patience_s)


async def _chosen(turn: TurnRun, choice: Choice) -> str:
    """The option that the asker or an admin chose; nobody else's press counts."""
    while True:
        turn.news.clear()
        option = await turn.services.database.read(
            choices.chosen, choice.id, person_id=turn.asker.id
        )
        if option is not None:
            return option
        await turn.news.wait()
