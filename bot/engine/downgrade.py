"""Answers with a cheaper model where a budget leaves no room for the one that was meant to answer."""

from collections.abc import Awaitable, Callable, Sequence

import structlog

from bot.claude.events import Completion
from bot.engine.turn_run import TurnRun
from storage.errors import BudgetExceeded

log = structlog.get_logger(__name__)

Stream = Callable[[TurnRun, Sequence[str]], Awaitable[Completion]]
"""Asks the turn's prompt of the first of these models that answers, and shows the text."""


async def within_budget(turn: TurnRun, stream: Stream, models: Sequence[str]) -> Completion:
    """Ask these models; if a budget whose action is `downgrade` has no room, the cheaper ones of the
    channel's chain, the best first.

    Raises:
        BudgetExceeded: there is room for none, or a budget that stops has none.
    """
    try:
        return await stream(turn, models)
    except BudgetExceeded as error:
        refusal = error
    for model in cheaper_than(turn, models[0]):
        if not refusal.downgrade:
            break
        log.info("answering with a cheaper model", model=model, budget=refusal.budget)
        turn.downgraded = True
        try:
            return await stream(turn, (model,))
        except BudgetExceeded as error:
            refusal = error
    raise refusal


def cheaper_than(turn: TurnRun, model: str) -> list[str]:
    """The models of the channel's chain for which this prompt costs less at most, the dearest first:
    an operator named them, so they may answer. One without a known price is none of them."""
    costs = {each: _worst_case_nanousd(turn, each) for each in turn.channel_settings.claude.models}
    limit = _worst_case_nanousd(turn, model)
    known = {
        each: cost
        for each, cost in costs.items()
        if cost is not None and (limit is None or cost < limit) and each != model
    }
    return sorted(known, key=lambda each: -known[each])


def _worst_case_nanousd(turn: TurnRun, model: str) -> int | None:
    assert turn.prompt is not None, "it was asked before"
    return turn.services.claude.pricing.worst_case_nanousd(
        model,
        prompt_tokens=turn.prompt.most_input_tokens(),
        max_output_tokens=turn.prompt.max_output_tokens,
        cache_ttl=turn.prompt.cache_ttl,
        when=turn.services.database.now(),
    )
