"""Draws a digest's picture: `python -m bot.reports.drawing` reads a `Drawing` and writes a PNG.

It is a program of its own because drawing is heavy: matplotlib takes a second of processor time and a
hundred megabytes, which a process that answers people has better uses for.
"""

import gc
import io
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_LABELLED = 8
"""So many bars have room for what they cost."""

WIDTH_PX, HEIGHT_PX, DPI = 1200, 1050, 100
"""On a phone it is shown at about a third of that, so the smallest letters are 30 pixels high."""

# A card of its own with rounded corners, so that it is legible wherever it is shown, light or dark.
PAPER, INK, FAINT, GRID, MARK = "#fcfbf8", "#21201d", "#6d6a63", "#e6e2d9", "#c0392b"

LEFT, RIGHT = 0.06, 0.95

COLOURS = ("#2f5d8a", "#e0913c", "#5b9a6f", "#a65a87", "#8a8378")
"""Told apart by people who see few colours, and by their lightness alone; the last is for all the rest."""


@dataclass(frozen=True, slots=True)
class Day:
    """A bar: what stands under it, and whether it is far higher than usual."""

    label: str
    unusual: bool


@dataclass(frozen=True, slots=True)
class Series:
    """A model's share of the bars, in dollars for each day."""

    name: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What is drawn. `faint_days` at the beginning are shown for comparison alone."""

    headline: str
    subline: str
    days: Sequence[Day]
    series: Sequence[Series]
    faint_days: int = 0

    def to_json(self) -> str:
        """For the program."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Drawing":
        """The inverse of `to_json`."""
        values = json.loads(text)
        values["days"] = [Day(**day) for day in values["days"]]
        values["series"] = [Series(**series) for series in values["series"]]
        return cls(**values)


def png_of(drawing: Drawing) -> bytes:
    """The picture."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context({"font.family": "DejaVu Sans", "text.parse_math": False}):
        figure = Figure(figsize=(WIDTH_PX / DPI, HEIGHT_PX / DPI), dpi=DPI)
        figure.patch.set_alpha(0)
        canvas: Any = FigureCanvasAgg(figure)
        _paper(figure)
        figure.text(LEFT, 0.945, drawing.headline, size=48, weight="bold", color=INK, va="top")
        figure.text(LEFT, 0.848, drawing.subline, size=23, color=FAINT, va="top")
        below = _legend(figure, canvas.get_renderer(), drawing)
        bottom = 0.125
        _bars(figure.add_axes((0.135, bottom, RIGHT - 0.135, below - 0.035 - bottom)), drawing)
        out = io.BytesIO()
        canvas.print_png(out)
    return out.getvalue()


def _paper(figure: "Figure") -> None:
    from matplotlib.patches import FancyBboxPatch

    figure.add_artist(
        FancyBboxPatch(
            (0.004, 0.004),
            0.992,
            0.992,
            boxstyle="round,pad=0,rounding_size=0.035",
            mutation_aspect=WIDTH_PX / HEIGHT_PX,
            facecolor=PAPER,
            edgecolor=GRID,
            linewidth=2,
            zorder=-1,
        )
    )


def _legend(figure: "Figure", renderer: Any, drawing: Drawing) -> float:
    """The models' names beside their colours, in as many rows as they need; where the last one ends."""
    left, top = LEFT, 0.745
    for colour, series in zip(_colours(drawing), drawing.series, strict=True):
        text = figure.text(left + 0.042, top, series.name, size=23, color=INK, va="center")
        width = 0.042 + text.get_window_extent(renderer).width / WIDTH_PX
        if left > LEFT and left + width > RIGHT:
            left, top = LEFT, top - 0.062
            text.set_position((left + 0.042, top))
        figure.text(left, top, "\N{BLACK SQUARE}", size=30, color=colour, va="center")
        left += width + 0.04
    return top - 0.03


def _colours(drawing: Drawing) -> Sequence[str]:
    return [COLOURS[min(n, len(COLOURS) - 1)] for n in range(len(drawing.series))]


def _bars(axes: "Axes", drawing: Drawing) -> None:
    count = len(drawing.days)
    tops = [0.0] * count
    for colour, series in zip(_colours(drawing), drawing.series, strict=True):
        bars = axes.bar(
            *(range(count), series.values, 0.74),
            bottom=tops,
            color=colour,
            edgecolor=PAPER,
            linewidth=2 if count <= MOST_LABELLED else 1,
        )
        for bar in bars[: drawing.faint_days]:
            bar.set_alpha(0.35)
        tops = [top + value for top, value in zip(tops, series.values, strict=True)]
    highest = max(tops, default=0.0)
    _frame(axes, count, highest)
    _under_bars(axes, drawing)
    if not highest:
        style: dict[str, Any] = {
            "size": 27,
            "color": FAINT,
            "ha": "center",
            "transform": axes.transAxes,
        }
        axes.text(0.5, 0.5, "Nothing was spent.", **style)
    elif count <= MOST_LABELLED:
        _over_bars(axes, drawing, tops)


def _frame(axes: "Axes", count: int, highest: float) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.set_facecolor("none")
    axes.set_xlim(-0.6, count - 0.4)
    axes.set_ylim(0, highest * 1.12 or 1.0)
    axes.yaxis.set_major_locator(MaxNLocator(4, min_n_ticks=2))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    axes.yaxis.set_visible(highest > 0)
    axes.grid(axis="y", color=GRID, linewidth=2)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=21, labelcolor=FAINT, pad=10)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.axhline(0, color=FAINT, linewidth=2)


def _under_bars(axes: "Axes", drawing: Drawing) -> None:
    step = -(-len(drawing.days) // MOST_LABELLED)
    shown = [n for n, day in enumerate(drawing.days) if n % step == 0 or day.unusual]
    shown = [n for n in shown if drawing.days[n].unusual or not _crowded(n, drawing, step)]
    axes.set_xticks(shown, [drawing.days[n].label for n in shown])
    for place, label in zip(shown, axes.get_xticklabels(), strict=True):
        if drawing.days[place].unusual:
            label.set(color=MARK, weight="bold")


def _crowded(place: int, drawing: Drawing, step: int) -> bool:
    """An unusual day stands so near that both labels would touch."""
    near = drawing.days[max(0, place - step + 1) : place + step]
    return any(day.unusual for day in near)


def _over_bars(axes: "Axes", drawing: Drawing, tops: Sequence[float]) -> None:
    for place, (day, top) in enumerate(zip(drawing.days, tops, strict=True)):
        if not top:
            continue
        style: dict[str, Any] = {"color": INK}
        if place < drawing.faint_days:
            style = {"color": FAINT}
        elif day.unusual:
            style = {"color": MARK, "weight": "bold"}
        axes.annotate(
            amount(top, highest=max(tops)),
            (place, top),
            xytext=(0, 7),
            textcoords="offset points",
            ha="center",
            size=21,
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1.5},
            **style,
        )


def tick(dollars: float) -> str:
    """A round amount beside the axis: `$1.5k`, `$40`, `$0.25`."""
    return f"${dollars / 1000:g}k" if dollars >= 1000 else f"${dollars:g}"


def amount(dollars: float, *, highest: float) -> str:
    """An amount over a bar, with as many decimals as all of them have beside the highest."""
    if highest >= 10_000:
        return f"${dollars / 1000:.1f}k"
    decimals = 0 if highest >= 100 else 2 if highest >= 0.1 else 4
    return f"${dollars:,.{decimals}f}"


def main() -> None:
    """Read a drawing from stdin, write the PNG to stdout."""
    gc.disable()  # it is over soon, and nearly all that it makes is what it imports
    sys.stdout.buffer.write(png_of(Drawing.from_json(sys.stdin.read())))


if __name__ == "__main__":
    main()
