"""`parley batch`: one prompt over many items."""

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.cli.batch_order import STDIO, Dollars, Order, Target, kind_of_input
from bot.cli.database import settings_for_data
from bot.cli.frame import examples, print_json, require_claude_key, run_async

if TYPE_CHECKING:
    from bot.batch.batch import Progress, Summary
    from bot.batch.plan import Plan
    from config import Settings

FORMS = ("jsonl", "csv", "text")


@click.command(
    "batch",
    epilog=examples(
        'parley batch "Sum up in one sentence." notes.txt',
        'parley batch "What is the sentiment?" reviews.csv -o - --max-cost 0.50',
    ),
)
@click.argument("prompt")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help="Where the answers go; - is stdout. By default beside FILE, such as FILE.answers.jsonl.",
)
@click.option("--format", "form", type=click.Choice(FORMS), help="Of the answers.")
@click.option(
    "--input-format",
    "kind",
    type=click.Choice(["lines", "jsonl", "csv"]),
    help="Of FILE, if its ending (.jsonl, .csv, .tsv) does not say.",
)
@click.option("--system", default="", metavar="TEXT", help="The system prompt; none by default.")
@click.option("--model", metavar="ID", help="The model, instead of the one of the settings.")
@click.option("--max-output-tokens", type=click.IntRange(min=1), help="The most for one answer.")
@click.option("--max-cost", type=Dollars(), help="What all runs of the batch may cost together.")
@click.option("--parallel", type=click.IntRange(min=1), help="Requests at once.")
@click.option("--batch-api", "by_api", is_flag=True, help="At half the price, within a day.")
@click.option("--restart", is_flag=True, help="Forget what earlier runs have done.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Put PROMPT to every item of FILE, many at once.

    An item is a line, a JSON value in a line, or a row of a CSV file. PROMPT names its fields in braces,
    such as {title}, or {item} for the whole; without any, the item comes after PROMPT. @PATH as PROMPT
    reads it from a file; - as FILE is stdin.

    What is done is never paid again: after an interruption, an error or at a limit, the same command goes
    on from there. Everything is in the ledger and counts for budgets, under the purpose "batch".

    Exit status: 0 every item is done; 1 some are not; 2 wrong use; 130 interrupted.
    """
    from bot.batch.errors import BatchUnusable

    order = Order(**options)
    settings = settings_for_data()
    require_claude_key(settings)
    try:
        target = Target.of(order)
        plan = _plan(settings, order, target)
        summary = _run(ctx, settings, plan)
    except BatchUnusable as error:
        raise click.UsageError(str(error)) from error
    target.write(summary)
    _tell(summary, plan, target, as_json=order.as_json)
    if summary.stopped is not None or summary.counts["failed"] or summary.counts["left"]:
        ctx.exit(1)


def _plan(settings: "Settings", order: Order, target: Target) -> "Plan":
    from bot.batch.items import read_items
    from bot.batch.plan import Plan
    from bot.batch.template import Template
    from bot.vocabulary import NANO_PER_DOLLAR

    stdin = order.file == STDIO
    content = sys.stdin.buffer.read() if stdin else Path(order.file).read_bytes()
    items = read_items(content, name=order.file, kind=kind_of_input(order))
    template = Template(_prompt(order.prompt))
    template.check(items)
    changes = {
        "model": order.model,
        "max_output_tokens": order.max_output_tokens,
        "max_concurrency": order.parallel,
    }
    return Plan(
        template=template,
        items=items,
        system=order.system,
        claude=settings.claude.model_copy(update={k: v for k, v in changes.items() if v}),
        state_file=target.state_file,
        restart=order.restart,
        by_api=order.by_api,
        limit_nanousd=None if order.max_cost is None else int(order.max_cost * NANO_PER_DOLLAR),
    )


def _prompt(given: str) -> str:
    if not given.startswith("@"):
        return given
    try:
        return Path(given[1:]).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"the prompt {given[1:]} can't be read: {error}") from error


def _run(ctx: click.Context, settings: "Settings", plan: "Plan") -> "Summary":
    from bot.cli.serving import told_plainly

    try:
        return run_async(told_plainly(_ask(settings, plan)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        handed_over = " What the provider has been handed goes on there." if plan.by_api else ""
        click.echo(
            f"Interrupted. What is done is kept in {plan.state_file}: the same command goes on from "
            f"there.{handed_over}",
            err=True,
        )
        ctx.exit(130)


async def _ask(settings: "Settings", plan: "Plan") -> "Summary":
    from bot.app import batch_runner
    from bot.vocabulary import SystemClock

    task = asyncio.current_task()
    assert task is not None, "a coroutine runs in a task"
    with suppress(RuntimeError):  # outside the main thread nobody hears signals
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with _bar() as progress:
        async with batch_runner(settings, clock=SystemClock()) as batch:
            return await batch.run(plan, on_progress=progress)


@contextmanager
def _bar() -> Iterator["Progress"]:
    """A progress bar on stderr, if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _done, _of, _cost: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("${task.fields[cost]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        shown = bar.add_task("", total=None, cost=_cents(0))

        def tell(done: int, of: int, cost_nanousd: int) -> None:
            bar.update(shown, completed=done, total=of, cost=_cents(cost_nanousd))

        yield tell


def _tell(summary: "Summary", plan: "Plan", target: Target, *, as_json: bool) -> None:
    from bot.money.amounts import dollars

    counts, usage = summary.counts, summary.usage
    if as_json:
        print_json(
            {
                "items": len(summary.lines),
                **{each: counts[each] for each in OUTCOMES},
                "cost_usd": dollars(usage.cost_nanousd),
                "unknown_cost_requests": usage.unknown_cost_requests,
                "requests": usage.requests,
                "input_tokens": usage.usage.prompt_tokens,
                "output_tokens": usage.usage.output_tokens,
                "model": plan.model,
                "output": target.path,
                "state": target.state_file,
                "stopped": summary.stopped,
            }
        )
        return
    told = ", ".join(f"{counts[each]:,} {WORDS[each]}" for each in OUTCOMES if counts[each])
    where = f" in {target.path}" if target.path is not None else ""
    unknown = f" + {usage.unknown_cost_requests} not known" if usage.unknown_cost_requests else ""
    to_stderr = target.path is None
    click.echo(f"{told}{where}. Cost: ${dollars(usage.cost_nanousd)}{unknown}.", err=to_stderr)
    if summary.stopped is not None:
        click.echo(f"Stopped: {summary.stopped}.", err=True)
    if summary.stopped is not None or counts["failed"]:
        click.echo("The same command goes on from there.", err=True)


OUTCOMES = ("answered", "refused", "cut_off", "failed", "left")
WORDS = {
    "answered": "answered",
    "refused": "refused",
    "cut_off": "cut off",
    "failed": "failed",
    "left": "not asked yet",
}


def _cents(nanousd: int) -> str:
    from bot.vocabulary import NANO_PER_DOLLAR

    return f"{Decimal(nanousd) / NANO_PER_DOLLAR:.4f}"
