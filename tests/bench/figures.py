"""What a benchmark finds: tables of figures, printed as the Markdown that docs/benchmarks.md records."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Figures with their headings; `note` says what they mean and how they were got."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def __str__(self) -> str:
        widths = [max(map(len, column)) for column in zip(self.columns, *self.rows, strict=True)]
        ruler = ["-" * width for width in widths]
        lines = [_line(cells, widths) for cells in (self.columns, ruler, *self.rows)]
        note = [self.note, ""] if self.note else []
        return "\n".join([f"### {self.title}", "", *note, *lines, ""])


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that is not exceeded by `share` (above 0, at most 1) of them."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def ms(seconds: float) -> str:
    """Milliseconds with as many digits as tell something."""
    return significant(seconds * 1e3)


def significant(value: float) -> str:
    """Three digits, or all digits before the point."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{decimals}f}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.ljust(width) if index == 0 else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"
