"""`parley budget`: what budgets allow and have used, and changing them for the present period."""

import getpass
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import click

from bot.cli.database import run_plainly, settings_for_data
from bot.cli.frame import examples, json_option, print_json, print_table

if TYPE_CHECKING:
    from bot.money.budget_desk import BudgetDesk, BudgetLine
    from storage.budgets import BudgetChange

T = TypeVar("T")

CHANGES_DAYS = 62
"""Changes of this month and the last are listed."""


@click.group("budget", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Look at budgets, raise them or reset them; it may run beside the service."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_budgets, as_json=False)


@command.command("list", epilog=examples("parley budget list"))
@json_option
def list_budgets(as_json: bool) -> None:
    """List budgets that were used in their present period, and what was done to them."""

    from bot.vocabulary import SystemClock

    async def read(desk: "BudgetDesk") -> "tuple[list[BudgetLine], list[BudgetChange]]":
        since = SystemClock().now() - timedelta(days=CHANGES_DAYS)
        return await desk.lines(), await desk.changes(since)

    lines, changes = _with_desk(read)
    if as_json:
        told = {"budgets": [_fields(line) for line in lines]}
        print_json({**told, "changes": [_change(each) for each in changes]})
    elif not lines:
        click.echo("No budget is configured, or none has been used in its present period.")
    else:
        _print(lines)
        for each in changes:
            told_of = _change(each)
            click.echo("{at}  {budget}  {action} ${amount_usd}  by {by}".format(**told_of))


@command.command("raise", epilog=examples("parley budget raise global/all/month 20"))
@click.argument("name")
@click.argument("amount")
@json_option
def raise_budget(name: str, amount: str, as_json: bool) -> None:
    """Add AMOUNT dollars to a budget for the rest of its period. NAME is as `list` has it."""
    from bot.money.amounts import nanousd_of

    try:
        nanousd = nanousd_of(amount)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="AMOUNT") from None
    if nanousd <= 0:
        raise click.BadParameter("a budget is raised by an amount above zero", param_hint="AMOUNT")
    _tell(_with_desk(lambda desk: desk.raise_limit(name, nanousd, by=_by())), as_json)


@command.command("reset", epilog=examples("parley budget reset global/all/month"))
@click.argument("name")
@json_option
def reset(name: str, as_json: bool) -> None:
    """Have a budget begin afresh in the middle of its period. NAME is as `list` has it."""
    _tell(_with_desk(lambda desk: desk.reset(name, by=_by())), as_json)


def _with_desk(work: "Callable[[BudgetDesk], Awaitable[T]]") -> T:
    """Run `work` at the budgets' desk; what it refuses is told as a sentence."""
    from bot.money.budget_desk import BudgetDesk, NoSuchBudget
    from bot.money.budget_rules import BudgetRules
    from bot.vocabulary import SystemClock
    from storage import migrations
    from storage.database import Database

    settings = settings_for_data()

    async def run() -> T:
        database = Database(settings.environment.database_url, clock=SystemClock())
        try:
            database.require_file()
            await database.read(migrations.require_head)
            rules = BudgetRules(settings.budgets, zone=settings.operators.zone)
            return await work(BudgetDesk(database=database, rules=rules))
        except NoSuchBudget as error:
            raise click.ClickException(str(error)) from error
        finally:
            await database.close()

    return run_plainly(run())


def _tell(line: "BudgetLine", as_json: bool) -> None:
    if as_json:
        print_json(_fields(line))
    else:
        _print([line])


def _print(lines: "list[BudgetLine]") -> None:
    numbers = ("Spent", "Held", "Limit", "Raised")
    rows = [
        (
            line.counter.name,
            *(f"${_fields(line)[each.lower() + '_usd']}" for each in numbers),
            line.claim.resets_at.isoformat(timespec="minutes"),
        )
        for line in lines
    ]
    print_table(("Budget", *numbers, "Resets"), rows, numbers=numbers)


def _fields(line: "BudgetLine") -> dict[str, object]:
    from bot.money.amounts import dollars

    return {
        "budget": line.counter.name,
        "spent_usd": dollars(line.state.spent_nanousd),
        "held_usd": dollars(line.state.held_nanousd),
        "limit_usd": dollars(line.limit_nanousd),
        "raised_usd": dollars(line.state.raised_nanousd),
        "action": "downgrade" if line.claim.downgrade else "stop",
        "resets_at": line.claim.resets_at.isoformat(),
    }


def _change(each: "BudgetChange") -> dict[str, str]:
    from bot.money.amounts import dollars
    from bot.money.budget_rules import Counter

    return {
        "at": each.changed_at.isoformat(timespec="seconds"),
        "budget": Counter.of(each.budget_key).name,
        "action": each.action,
        "amount_usd": dollars(each.amount_nanousd),
        "by": each.changed_by,
    }


def _by() -> str:
    return f"command line, {getpass.getuser()}"
