"""What `parley batch` is told, and where its answers go."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from bot.batch.batch import Summary
    from bot.batch.items import Kind
    from bot.batch.output import Form

FORM_OF = {".csv": "csv", ".txt": "text", ".md": "text"}
ENDINGS = {"jsonl": ".jsonl", "csv": ".csv", "text": ".txt"}
STDIO = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What was asked for on the command line."""

    prompt: str
    file: str
    output: str | None
    form: "Form | None"
    kind: "Kind | None"
    system: str
    model: str | None
    max_output_tokens: int | None
    max_cost: Decimal | None
    parallel: int | None
    by_api: bool
    restart: bool
    as_json: bool


class Dollars(click.ParamType[Decimal]):
    """An amount of dollars on the command line."""

    name = "USD"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Decimal:
        """The amount."""
        try:
            amount = Decimal(str(value).removeprefix("$"))
        except ArithmeticError:
            amount = Decimal("NaN")
        if not amount.is_finite() or amount < 0:
            self.fail(f"{value!r} is not an amount of dollars, such as 2.50", param, ctx)
        return amount


@dataclass(frozen=True, slots=True)
class Target:
    """Where the answers go, None being stdout, and where the state is kept."""

    path: Path | None
    form: "Form"
    state_file: Path

    @classmethod
    def of(cls, order: Order) -> "Target":
        """As ordered. Raises `click.UsageError` if it can't be."""
        if order.output == STDIO and (order.as_json or order.file == STDIO):
            raise click.UsageError("--output - goes with a FILE that is one, and without --json")
        if order.output is None and order.file == STDIO:
            raise click.UsageError("where FILE is stdin, say with --output where the answers go")
        form = order.form or _form_of(order)
        if order.output == STDIO:
            return cls(None, form, Path(f"{order.file}.batch-state"))
        path = Path(order.output or f"{order.file}.answers{ENDINGS[form]}")
        return cls(path, form, path.with_name(f"{path.name}.state"))

    def write(self, summary: "Summary") -> None:
        """Write the answers, in the order of the items."""
        from bot.batch.output import save, written

        text = written(summary.lines, self.form)
        if self.path is None:
            click.echo(text, nl=False)
            return
        try:
            save(text, self.path)
        except OSError as error:
            raise click.ClickException(
                f"{self.path} can't be written: {error.strerror}; the answers are kept in "
                f"{self.state_file}, and the same command writes them again at no cost"
            ) from error


def _form_of(order: Order) -> "Form":
    """The form of the answers where it is not said: by the output's ending, else as the input's."""
    name = order.output if order.output not in (None, STDIO) else ""
    found: Any = FORM_OF.get(Path(name or "").suffix.lower())
    if found is not None or name:
        return found or "jsonl"
    return "csv" if kind_of_input(order) == "csv" else "jsonl"


def kind_of_input(order: Order) -> "Kind":
    """What the input holds."""
    from bot.batch.items import kind_of

    return order.kind or kind_of(order.file)
