"""What was used and what it cost, and the budgets: for whoever asks, as far as it is theirs to know."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from bot.plugins import (
    BudgetView,
    ChannelKind,
    Context,
    ModelUsage,
    Plugin,
    Role,
    Table,
    Told,
    UsageScope,
    UsageView,
)

plugin = Plugin("money", api=1, summary="What was used and what it cost, and the budgets.")

SCOPES: dict[str, UsageScope] = {
    "me": "person",
    "channel": "channel",
    "workspace": "workspace",
}
HEADINGS: dict[UsageScope, str] = {
    "person": "You",
    "channel": "This channel",
    "workspace": "The workspace",
}


@plugin.command("usage", private=True)
async def usage(ctx: Context, what: str = "") -> str:
    """What was used and what it cost: /usage, /usage week, /usage channel 2026-11

    It tells of you (`me`), of this `channel`, or, if you are an admin, of the `workspace`; for `today`,
    this `week` or `month`, or for `2026-11-23`, `2026-W47`, `2026-11` or `2026-11-01..2026-11-15`.
    Without a word it is this month, for all that you may see.
    """
    scope, period = _understood(what)
    if scope is not None:
        return _in_full(scope, await ctx.usage(scope, period=period))
    own = await ctx.usage("person", period=period)
    lines = [_in_full("person", own)]
    if ctx.channel.kind is ChannelKind.SHARED:
        lines.append(_in_short("channel", await ctx.usage("channel", period=period)))
    if ctx.role.allows(Role.ADMIN):
        lines.append(_in_short("workspace", await ctx.usage("workspace", period=period)))
    return "\n\n".join(lines)


@plugin.command("budget", role=Role.ADMIN, private=True)
async def budget(ctx: Context, what: str = "list") -> str:
    """Budgets: /budget list, /budget raise NAME AMOUNT, /budget reset NAME

    Raising adds dollars to a budget until its period ends; resetting has it begin afresh. Both are recorded
    with your name.
    """
    match what.split():
        case [] | ["list"]:
            return _listed(await ctx.budgets())
        case ["raise", name, amount]:
            changed = await ctx.raise_budget(name, _amount(amount))
            return f"`{changed.name}` has {changed.used} spent now. It resets on {changed.resets}."
        case ["reset", name]:
            changed = await ctx.reset_budget(name)
            return f"`{changed.name}` begins afresh: {changed.used} spent."
        case _:
            raise Told("Say `list`, `raise NAME AMOUNT` or `reset NAME`; `list` has the names.")


def _understood(what: str) -> tuple[UsageScope | None, str]:
    """Whose usage is meant, and in which period. Raises `Told`."""
    scope, period = None, []
    for word in what.lower().split():
        if word in SCOPES and scope is None:
            scope = SCOPES[word]
        else:
            period.append(word)
    if len(period) > 1:
        raise Told(
            "Say whose (`me`, `channel`, `workspace`) and when, such as `week` or `2026-11`."
        )
    return scope, period[0] if period else "month"


def _in_short(scope: UsageScope, view: UsageView) -> str:
    answers = "1 answer" if view.turns == 1 else f"{view.turns:,} answers"
    return f"**{HEADINGS[scope]}**, {view.period}: **{view.cost}**, {answers}."


def _in_full(scope: UsageScope, view: UsageView) -> str:
    short = _in_short(scope, view)
    if not view.by_model:
        return short
    columns = ("Model", "Requests", "Tokens in", "Tokens out", "Cache read", "Cost")
    table = Table(columns, [_row(each) for each in view.by_model])
    saved = f"\n\nThe prompt cache saved {view.saved}." if view.saved_usd > 0 else ""
    return f"{short}\n\n{table.markdown()}{saved}"


def _row(each: ModelUsage) -> tuple[str, ...]:
    counts = (
        each.requests,
        each.input_tokens + each.cache_write_tokens,
        each.output_tokens,
        each.cache_read_tokens,
    )
    return (each.model, *(f"{count:,}" for count in counts), each.cost)


def _listed(budgets: Sequence[BudgetView]) -> str:
    if not budgets:
        return "No budget has been used in its present period."
    rows = [(f"`{each.name}`", each.used, each.action, each.resets) for each in budgets]
    return Table(("Budget", "Spent", "Then", "Resets"), rows).markdown()


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text.removeprefix("$"))
    except InvalidOperation:
        raise Told(f"{text} is no amount; write dollars, such as 2.50.") from None
    if not amount.is_finite() or not 0 < amount < 10**9:
        raise Told(f"{text} is no amount that a budget can be raised by.")
    return amount
