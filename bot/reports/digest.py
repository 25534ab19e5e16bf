"""A digest: what a manager reads, a picture, and the words for who can't see it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.money.amounts import readable, spent, to_the_cent
from bot.money.periods import in_words, moment_in_words
from bot.reports.drawing import COLOURS, Day, Drawing, Series
from bot.reports.figures import Figures, Month
from bot.reports.names import Names
from bot.vocabulary import NANO_PER_DOLLAR, Card, Fact, Listing
from config.catalogue import Catalogue
from storage.usage import Share

TOP = 5
MAX_CHARS = 1900
"""A digest is one message everywhere, and Discord's have 2,000 characters
(https://discord.com/developers/docs/resources/message#create-message)."""


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest as it is sent. `alt` says what the picture shows."""

    card: Card
    text: str
    drawing: Drawing
    alt: str


def digest(
    figures: Figures,
    *,
    title: str,
    names: Names,
    catalogue: Catalogue,
    people: bool,
    late_since: datetime | None = None,
) -> Digest:
    """The digest of these figures. `late_since` is when it should have been sent, if it is late."""
    card = _fitting(
        Card(
            title=f"{title} · {in_words(figures.period)}",
            lead=_lead(figures),
            facts=_facts(figures),
            listings=_listings(figures, names, catalogue, people=people),
            note=_note(figures, late_since),
        )
    )
    drawing = drawing_of(figures, catalogue)
    return Digest(card, card.markdown(), drawing, _alt(drawing))


def drawing_of(figures: Figures, catalogue: Catalogue) -> Drawing:
    """The picture's content: the dearest models by name, the rest together."""
    days = list(figures.days)
    unusual = {each.day for each in figures.unusual_days}
    few = len(days) <= 8
    models = sorted(
        {model for costs in figures.days.values() for model, cost in costs.items() if cost},
        key=lambda model: (-sum(costs.get(model, 0) for costs in figures.days.values()), model),
    )
    own = len(COLOURS) - 1 if len(models) > len(COLOURS) else len(models)
    groups: list[tuple[tuple[str, ...], str]] = [
        ((model,), model_name(model, catalogue)) for model in models[:own]
    ]
    if models[own:]:
        groups.append((tuple(models[own:]), f"{len(models) - own} others"))
    return Drawing(
        headline=to_the_cent(figures.used.cost_nanousd),
        subline=" · ".join(part for part in (in_words(figures.period), change(figures)) if part),
        days=[Day(f"{day:%a}\n{day.day}" if few else str(day.day), day in unusual) for day in days],
        series=[
            Series(name, [_dollars(figures.days[day], group) for day in days])
            for group, name in groups
        ],
        faint_days=len(days) - len(figures.period.days),
    )


def change(figures: Figures) -> str:
    """How it compares with the period before: `12 % more than the week before`."""
    earlier, now = figures.before_nanousd, figures.used.cost_nanousd
    if earlier is None or figures.so_far:
        return ""
    what = f"the {figures.kind} before"
    if not earlier:
        return f"nothing was spent {what}" if now else ""
    percent = round(100 * (now - earlier) / earlier)
    if percent == 0:
        return f"as much as {what}"
    return f"{abs(percent)} % {'more' if percent > 0 else 'less'} than {what}"


def model_name(model_id: str, catalogue: Catalogue) -> str:
    """What people call a model."""
    known = catalogue.get(model_id)
    return known.name.removeprefix("Claude ") if known is not None else model_id


def _lead(figures: Figures) -> str:
    used = figures.used
    total = f"**{to_the_cent(used.cost_nanousd)}**"
    if used.unknown_cost_requests:
        total += f" and {spent(0, used.unknown_cost_requests)}"
    if figures.so_far:
        total += " so far"
    compared = change(figures)
    if compared and figures.before_nanousd:
        compared += f" ({to_the_cent(figures.before_nanousd)})"
    sentence = f"{total}, {compared}." if compared else f"{total}."
    return f"{sentence} {_of_month(figures.month)}"


def _of_month(month: Month) -> str:
    name = f"{month.period.first:%B}"
    heading = "came to" if month.over else "is heading for"
    sentence = f"{name} {heading} {to_the_cent(month.forecast_nanousd)}"
    if month.limit_nanousd is None:
        return f"{sentence}."
    percent = round(100 * month.forecast_nanousd / month.limit_nanousd)
    return f"{sentence}, {percent} % of the {to_the_cent(month.limit_nanousd)} budgeted."


def _facts(figures: Figures) -> tuple[Fact, ...]:
    turns, used = figures.turns, figures.used
    facts = [
        Fact("Answers", f"{turns.answered:,}"),
        Fact("Failures", f"{turns.failed:,}"),
        Fact("Fallbacks", f"{turns.fallbacks:,}"),
        Fact("Saved by caching", readable(used.saved_nanousd)),
    ]
    if turns.turned_away:
        facts.insert(2, Fact("Turned away", f"{turns.turned_away:,}"))
    if turns.first_text_s is not None:
        facts.append(Fact("First words after", f"{turns.first_text_s:.1f} s"))
    if used.turns and not used.unknown_cost_requests:
        facts.append(Fact("Per answer", readable(used.cost_nanousd // used.turns)))
    return tuple(facts)


def _listings(
    figures: Figures, names: Names, catalogue: Catalogue, *, people: bool
) -> tuple[Listing, ...]:
    total = figures.used.cost_nanousd
    models = [
        _line(
            model_name(each.model, catalogue), each.cost_nanousd, each.unknown_cost_requests, total
        )
        for each in figures.used.by_model[:TOP]
    ]
    listings = [
        Listing("Worth a look", _unusual(figures, names)),
        Listing("Channels", _top(figures.channels, names.channel, total)),
        Listing("People", _top(figures.people, names.person, total) if people else ()),
        Listing("Models", tuple(models)),
    ]
    return tuple(listing for listing in listings if listing.lines)


def _unusual(figures: Figures, names: Names) -> tuple[str, ...]:
    days = [
        f"{each.day:%A}, {each.day.day} {each.day:%B}: {readable(each.cost.cost_nanousd)}, "
        f"{each.cost.times:.1f} times a usual day"
        for each in figures.unusual_days
    ]
    channels = [
        f"{names.channel(each.channel_key)}: {readable(each.cost.cost_nanousd)}, "
        f"{each.cost.times:.1f} times its usual {figures.kind}"
        for each in figures.unusual_channels
    ]
    return tuple((days + channels)[:TOP])


def _top(sums: Sequence[Share], name: Callable[[str | None], str], total: int) -> tuple[str, ...]:
    some = [each for each in sums if each.requests][:TOP]
    return tuple(
        _line(name(each.subject), each.cost_nanousd, each.unknown_cost_requests, total)
        for each in some
    )


def _line(name: str, nanousd: int, unknown: int, total: int) -> str:
    share = f" ({round(100 * nanousd / total)} %)" if total and nanousd else ""
    return f"{name}: {spent(nanousd, unknown)}{share}"


def _note(figures: Figures, late_since: datetime | None) -> str:
    zone = figures.period.zone
    note = f"{figures.period.name}, {zone.key}."
    if late_since is None:
        return note
    return f"Late: it was due on {moment_in_words(late_since, zone)}. {note}"


def _fitting(card: Card) -> Card:
    """The card with as many lines of its listings as one message holds."""
    while len(card.markdown()) > MAX_CHARS and card.listings:
        longest = max(card.listings, key=lambda each: sum(map(len, each.lines)))
        cut = replace(longest, lines=longest.lines[:-1])
        kept = tuple(cut if each is longest else each for each in card.listings)
        card = replace(card, listings=tuple(each for each in kept if each.lines))
    return card


def _alt(drawing: Drawing) -> str:
    totals = [sum(series.values[n] for series in drawing.series) for n in range(len(drawing.days))]
    labels = [day.label.replace("\n", " ") for day in drawing.days]
    days = ", ".join(f"{label} ${total:,.2f}" for label, total in zip(labels, totals, strict=True))
    models = ", ".join(f"{each.name} ${sum(each.values):,.2f}" for each in drawing.series)
    shares = f" By model: {models}." if models else ""
    return f"Bar chart of cost by day and model: {drawing.headline} in all. {days}.{shares}"


def _dollars(costs: Mapping[str, int], models: Sequence[str]) -> float:
    return sum(costs.get(model, 0) for model in models) / NANO_PER_DOLLAR
