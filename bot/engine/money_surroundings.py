"""What plugin code can ask about money in a turn, and who may be told or may change what."""

from decimal import Decimal
from typing import Literal

from bot.engine.turn_run import TurnRun
from bot.money.amounts import readable, spent
from bot.money.budget_desk import BudgetLine, NoSuchBudget
from bot.money.periods import in_words, moment_in_words, written
from bot.money.used import ModelUsed, Used
from bot.plugins import Role, Told
from bot.plugins.usage import BudgetView, ModelUsage, UsageScope, UsageView
from bot.vocabulary import NANO_PER_DOLLAR
from storage.subjects import Subject


async def usage_of(turn: TurnRun, scope: UsageScope, period: str) -> UsageView:
    """What the asker, the channel or the workspace used. Raises `Told` if that is not theirs to know, or
    the period can't be understood."""
    services = turn.services
    if scope == "workspace" and not turn.role.allows(Role.ADMIN):
        raise Told("Only admins can see what the whole workspace used.")
    try:
        when = written(period, services.database.now(), services.settings.operators.zone)
    except ValueError as error:
        raise Told(f"{error}.") from error
    used = await services.money.usage.used(when, _subject(turn, scope))
    return _view(in_words(when), used)


async def budgets_for(turn: TurnRun) -> list[BudgetView]:
    """The budgets that the asker may see. Raises `Told` if they are no admin."""
    _require_admin(turn)
    lines = await turn.services.money.budgets.lines()
    return [_budget(turn, line) for line in lines if _may_see(turn, line)]


async def raise_budget(turn: TurnRun, name: str, amount_usd: Decimal) -> BudgetView:
    """Add to a budget. Raises `Told` if the asker may not, or there is no such budget."""
    if amount_usd <= 0:
        raise Told("A budget is raised by an amount above zero.")
    nanousd = int(amount_usd * NANO_PER_DOLLAR)
    return await _change(turn, name, nanousd)


async def reset_budget(turn: TurnRun, name: str) -> BudgetView:
    """Have a budget begin afresh. Raises `Told` as `raise_budget` does."""
    return await _change(turn, name, None)


async def _change(turn: TurnRun, name: str, raise_nanousd: int | None) -> BudgetView:
    _require_admin(turn)
    desk = turn.services.money.budgets
    by = turn.asker.key_in(turn.channel.workspace_key)
    try:
        line = await desk.find(name)
        if not _may_change(turn, line):
            raise Told("That budget is not only for this workspace, so only operators change it.")
        if raise_nanousd is None:
            return _budget(turn, await desk.reset(line.counter.name, by=by))
        return _budget(turn, await desk.raise_limit(line.counter.name, raise_nanousd, by=by))
    except NoSuchBudget as error:
        raise Told(f"{str(error)[:1].upper()}{str(error)[1:]}.") from error


def _require_admin(turn: TurnRun) -> None:
    if not turn.role.allows(Role.ADMIN):
        raise Told("Only admins can see and change budgets.")


def _may_see(turn: TurnRun, line: BudgetLine) -> bool:
    return line.counter.scope == "global" or _may_change(turn, line)


def _may_change(turn: TurnRun, line: BudgetLine) -> bool:
    """Operators may change all budgets; who manages a workspace, those that are for it alone."""
    own, subject = turn.channel.workspace_key, line.counter.subject
    return turn.is_operator or subject == own or subject.startswith(f"{own}:")


def _subject(turn: TurnRun, scope: UsageScope) -> Subject:
    workspace_key = turn.channel.workspace_key
    match scope:
        case "person":
            return Subject("person_key", turn.asker.key_in(workspace_key))
        case "channel":
            return Subject("channel_key", turn.channel.key)
        case "workspace":
            return Subject("workspace_key", workspace_key)


def _view(period: str, used: Used) -> UsageView:
    return UsageView(
        period=period,
        turns=used.turns,
        cost_usd=_usd(used.cost_nanousd),
        unknown_cost_requests=used.unknown_cost_requests,
        cost=spent(used.cost_nanousd, used.unknown_cost_requests),
        saved_usd=_usd(used.saved_nanousd),
        saved=readable(used.saved_nanousd),
        by_model=[_model(each) for each in used.by_model],
    )


def _model(each: ModelUsed) -> ModelUsage:
    unknown = each.unknown_cost_requests and not each.cost_nanousd
    return ModelUsage(
        model=each.model,
        requests=each.requests,
        input_tokens=each.usage.input_tokens,
        output_tokens=each.usage.output_tokens,
        cache_read_tokens=each.usage.cache_read_tokens,
        cache_write_tokens=each.usage.cache_write_tokens,
        cost_usd=_usd(each.cost_nanousd),
        unknown_cost_requests=each.unknown_cost_requests,
        cost="not known" if unknown else spent(each.cost_nanousd, each.unknown_cost_requests),
    )


def _budget(turn: TurnRun, line: BudgetLine) -> BudgetView:
    zone = turn.services.settings.operators.zone
    action: Literal["stop", "downgrade"] = "downgrade" if line.claim.downgrade else "stop"
    return BudgetView(
        name=line.counter.name,
        limit_usd=_usd(line.limit_nanousd),
        spent_usd=_usd(line.state.spent_nanousd),
        held_usd=_usd(line.state.held_nanousd),
        raised_usd=_usd(line.state.raised_nanousd),
        action=action,
        resets_at=line.claim.resets_at,
        used=f"{readable(line.state.spent_nanousd)} of {readable(line.limit_nanousd)}",
        resets=f"{moment_in_words(line.claim.resets_at, zone)} ({zone.key})",
    )


def _usd(nanousd: int) -> Decimal:
    return Decimal(nanousd) / NANO_PER_DOLLAR
