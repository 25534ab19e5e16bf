"""A digest's words and picture, from figures: what a manager reads at a glance."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.money.amounts import dollars, nanousd_of, readable, spent, to_the_cent
from bot.money.periods import around
from bot.money.used import ModelUsed, Used
from bot.reports.anomalies import Unusual, unusual
from bot.reports.digest import MAX_CHARS, Digest, digest
from bot.reports.drawing import Day, Drawing, Series, png_of
from bot.reports.figures import Figures, Month, UnusualChannel, UnusualDay
from bot.reports.forecast import forecast_nanousd
from bot.reports.names import Names
from bot.reports.picture import draw
from bot.vocabulary import Usage
from config.catalogue import Catalogue
from storage.subjects import DIRECT
from storage.turn_figures import TurnFigures
from storage.usage import Share

UTC = ZoneInfo("UTC")
WEEK = around(date(2026, 11, 16), "week", UTC)
NANO = 10**9


def used(subject: str | None, nanousd: int, *, unknown: int = 0) -> Share:
    """What somebody used."""
    return Share(subject, 10, nanousd, unknown)


def figures(**changes: Any) -> Figures:
    """Those of an ordinary week: ten dollars a day with Sonnet, two with Haiku."""
    days = {
        day: {"claude-sonnet-5-5": 10 * NANO, "claude-haiku-5-5": 2 * NANO} for day in WEEK.days
    }
    models = [
        ModelUsed("claude-sonnet-5-5", 700, Usage(), 70 * NANO, 0),
        ModelUsed("claude-haiku-5-5", 300, Usage(), 14 * NANO, 0),
    ]
    ordinary = Figures(
        kind="week",
        period=WEEK,
        so_far=False,
        used=Used(turns=900, by_model=models, saved_nanousd=31 * NANO),
        turns=TurnFigures(answered=900, failed=4, turned_away=0, fallbacks=6, first_text_s=1.24),
        before_nanousd=75 * NANO,
        days=days,
        channels=[used("slack:T1:C1", 60 * NANO), used(DIRECT, 24 * NANO)],
        people=[used("slack:T1:U1", 50 * NANO), used("slack:T1:U2", 34 * NANO)],
        month=Month(
            around(date(2026, 11, 1), "month", UTC), 250 * NANO, 340 * NANO, None, over=False
        ),
        unusual_days=(),
        unusual_channels=(),
    )
    return replace(ordinary, **changes)


def made(changed: Figures | None = None, *, people: bool = True, **more: Any) -> Digest:
    """The digest of these figures."""
    names = Names({"slack:T1:C1": "#general"}, {"slack:T1:U1": "Ada", "slack:T1:U2": "Grace"})
    return digest(
        changed or figures(),
        title="Weekly digest",
        names=names,
        catalogue=Catalogue.shipped(),
        people=people,
        **more,
    )


def test_everything_at_a_glance() -> None:
    """Total, change, forecast, turns, failures, fallbacks, savings, time to text, and who it was."""
    assert made().text == (
        "**Weekly digest · 16\N{EN DASH}22 November 2026**\n\n"
        "**$84.00**, 12 % more than the week before ($75.00). November is heading for $340.00.\n\n"
        "- Answers: 900\n- Failures: 4\n- Fallbacks: 6\n- Saved by caching: $31.00\n"
        "- First words after: 1.2 s\n- Per answer: $0.0933\n\n"
        "**Channels**\n- #general: $60.00 (71 %)\n- Direct messages: $24.00 (29 %)\n\n"
        "**People**\n- Ada: $50.00 (60 %)\n- Grace: $34.00 (40 %)\n\n"
        "**Models**\n- Sonnet 5.5: $70.00 (83 %)\n- Haiku 5.5: $14.00 (17 %)\n\n"
        "_2026-W47, UTC._"
    )


def test_people_can_be_left_out() -> None:
    """Then nobody is named."""
    text = made(people=False).text
    assert "People" not in text
    assert "Ada" not in text


def test_the_month_against_its_budget() -> None:
    """In percent of what is allowed; a month that ended with the period came to its sum."""
    month = figures().month
    budgeted = made(figures(month=replace(month, limit_nanousd=400 * NANO)))
    assert "November is heading for $340.00, 85 % of the $400.00 budgeted." in budgeted.text
    over = made(figures(month=replace(month, over=True)))
    assert "November came to $340.00." in over.text


@pytest.mark.parametrize(
    ("before_nanousd", "told"),
    [
        (84 * NANO, "**$84.00**, as much as the week before ($84.00)."),
        (168 * NANO, "**$84.00**, 50 % less than the week before ($168.00)."),
        (0, "**$84.00**, nothing was spent the week before."),
        (None, "**$84.00**. November"),
    ],
)
def test_the_change(before_nanousd: int | None, told: str) -> None:
    """Against the period before, where anything was counted then."""
    assert told in made(figures(before_nanousd=before_nanousd)).text


def test_what_is_odd_stands_first() -> None:
    """A day and a channel far above their normal, with how far."""
    odd = figures(
        unusual_days=[UnusualDay(date(2026, 11, 19), Unusual(40 * NANO, 10 * NANO))],
        unusual_channels=[UnusualChannel("slack:T1:C1", Unusual(60 * NANO, 12 * NANO))],
    )
    listing = made(odd).card.listings[0]
    assert listing.heading == "Worth a look"
    assert listing.lines == (
        "Thursday, 19 November: $40.00, 4.0 times a usual day",
        "#general: $60.00, 5.0 times its usual week",
    )


def test_an_unknown_price_is_told_as_unknown() -> None:
    """Never as nothing."""
    models = [ModelUsed("claude-new", 3, Usage(), 0, 3)]
    text = made(figures(used=Used(3, models, 0), before_nanousd=None)).text
    assert "**$0.00** and 3 requests of unknown cost." in text
    assert "- claude-new: 3 requests of unknown cost" in text
    assert "Per answer" not in text


def test_a_late_digest_says_so() -> None:
    """With when it was due, in its own zone."""
    text = made(late_since=WEEK.until + timedelta(hours=9)).text
    assert "_Late: it was due on Monday, 23 November, at 09:00. 2026-W47, UTC._" in text


def test_names_can_not_format_or_ping() -> None:
    """Marks that a platform would act on are taken out of names."""
    names = Names({"slack:T1:C1": "#<!channel>\n**bold** [x](y)"}, {"slack:T1:U1": "`<@U1>`" * 20})
    assert names.channel("slack:T1:C1") == "# !channel bold x (y)"
    assert not set(names.person("slack:T1:U1")) & set("<>`*[]|")
    assert len(names.person("slack:T1:U1")) <= 40


def test_a_digest_is_one_message() -> None:
    """However many and long the names are, it fits, and keeps its total."""
    long = "n" * 200
    sums = [used(f"slack:T1:{n}{long}", 10**12 - n) for n in range(50)]
    names = Names(dict.fromkeys((str(each.subject) for each in sums), long * 5))
    many = figures(
        channels=sums,
        people=sums,
        unusual_channels=[UnusualChannel(str(each.subject), Unusual(9, 2)) for each in sums],
    )
    text = digest(many, title=long, names=names, catalogue=Catalogue.shipped(), people=True).text
    assert len(text) <= MAX_CHARS
    assert "**$84.00**" in text


def test_the_picture_in_words() -> None:
    """Who can't see it is told the same: every day, every model."""
    alt = made().alt
    assert alt.startswith(
        "Bar chart of cost by day and model: $84.00 in all. Mon 16 $12.00, Tue 17"
    )
    assert alt.endswith("By model: Sonnet 5.5 $70.00, Haiku 5.5 $14.00.")


def test_many_models_share_a_colour() -> None:
    """The dearest four have one each, all others are together; nothing of the sum is lost."""
    days = {day: {f"model-{n}": (9 - n) * NANO for n in range(8)} for day in WEEK.days}
    drawing = made(figures(days=days)).drawing
    assert [each.name for each in drawing.series] == [
        *("model-0", "model-1", "model-2", "model-3", "4 others")
    ]
    assert sum(sum(each.values) for each in drawing.series) == pytest.approx(7 * sum(range(2, 10)))


@pytest.mark.parametrize("days", [1, 7, 31])
@pytest.mark.parametrize("height", [0.0, 0.0004, 12.5, 123_456.0])
def test_any_picture_can_be_drawn(days: int, height: float) -> None:
    """From nothing to a fortune, a day to a month."""
    drawing = Drawing(
        headline="$1.00 & $2.00 <b>",
        subline="x",
        days=[Day(str(n), n == 0) for n in range(days)],
        series=[Series("Sonnet", [height] * days)] if height else [],
    )
    assert png_of(Drawing.from_json(drawing.to_json())).startswith(b"\x89PNG")


async def test_a_picture_that_fails_is_done_without() -> None:
    """The digest is sent without it rather than not at all."""
    broken = Drawing(headline="", subline="", days=[], series=[Series("x", [1.0])])
    assert await draw(broken) is None


# Statistics


@given(st.lists(st.integers(10**9, 10**10), min_size=4, max_size=60))
def test_the_largest_of_like_values_is_never_unusual(before: list[int]) -> None:
    """What has been there at its median is nothing to be alarmed by."""
    assert unusual(sorted(before)[len(before) // 2], before) is None


def test_one_outlier_does_not_hide_the_next() -> None:
    """The normal is the median's, whatever last week's excess was."""
    before = [10 * NANO, 11 * NANO, 9 * NANO, 10 * NANO, 400 * NANO, 10 * NANO, 12 * NANO]
    found = unusual(60 * NANO, before)
    assert found is not None
    assert (found.usual_nanousd, found.times) == (10 * NANO, 6.0)


@pytest.mark.parametrize(
    ("nanousd", "before"),
    [
        (NANO // 2, [1000] * 30),  # pennies
        (60 * NANO, [10 * NANO] * 3),  # too little is known
        (60 * NANO, [0] * 20 + [10 * NANO] * 3),  # hardly ever used
        (19 * NANO, [10 * NANO] * 30),  # not twice as much
        (30 * NANO, [2 * NANO, 25 * NANO] * 15),  # it goes up and down anyway
    ],
)
def test_what_is_not_unusual(nanousd: int, before: list[int]) -> None:
    """Nobody is alarmed without reason."""
    assert unusual(nanousd, before) is None


def test_a_forecast_knows_weekends() -> None:
    """The days to come cost what such weekdays cost in the last four weeks."""
    last = date(2026, 11, 22)
    known = {
        last - timedelta(days=n): 0 if (last - timedelta(days=n)).weekday() > 4 else 10 * NANO
        for n in range(28)
    }
    forecast = forecast_nanousd(
        spent_nanousd=150 * NANO,
        last_day=last,
        month_after=date(2026, 12, 1),
        known_days=known,
    )
    assert forecast == (150 + 6 * 10) * NANO  # 23-27 and 30 November are weekdays


@pytest.mark.parametrize("known", [{}, {date(2026, 11, 22): 7 * NANO}])
def test_a_forecast_from_little(known: dict[date, int]) -> None:
    """Without a day like it, a day costs what the known days did, or nothing is known at all."""
    per_day = sum(known.values())
    forecast = forecast_nanousd(
        spent_nanousd=per_day,
        last_day=date(2026, 11, 22),
        month_after=date(2026, 11, 25),
        known_days=known,
    )
    assert forecast == per_day * 3


# Amounts


@given(st.integers(-(10**18), 10**18))
def test_dollars_are_exact(nanousd: int) -> None:
    """What is written can be read again, to the nano-dollar."""
    assert nanousd_of(dollars(nanousd)) == nanousd


@pytest.mark.parametrize(
    ("nanousd", "cents", "shown"),
    [
        (0, "$0.00", "$0.00"),
        (5_000_000, "$0.01", "$0.0050"),
        (4_999_999, "$0.00", "$0.0050"),
        (12, "$0.00", "<$0.0001"),
        (1_234_567_890_123, "$1,234.57", "$1,234.57"),
        (-1_005_000_000, "-$1.01", "-$1.01"),
    ],
)
def test_amounts_as_people_read_them(nanousd: int, cents: str, shown: str) -> None:
    """Rounded half up to the cent, and finer where cents say little."""
    assert (to_the_cent(nanousd), readable(nanousd)) == (cents, shown)


def test_amounts_that_are_partly_unknown() -> None:
    """What is known and what is not stand side by side."""
    assert spent(2 * NANO, 0) == "$2.00"
    assert spent(2 * NANO, 1) == "$2.00 and 1 request of unknown cost"
    assert spent(0, 3) == "3 requests of unknown cost"


@pytest.mark.parametrize("text", ["", "much", "1.0000000001", "nan", "inf", "1e40"])
def test_what_is_no_amount(text: str) -> None:
    """It is told, with an example."""
    with pytest.raises(ValueError, match="is not an amount"):
        nanousd_of(text)
