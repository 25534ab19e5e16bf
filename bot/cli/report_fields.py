"""The figures of a digest as `parley report --json` prints them: money as exact decimal strings."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bot.reports.anomalies import Unusual
    from bot.reports.figures import Figures
    from config.reports import ReportSettings
    from storage.usage import Share

Fields = dict[str, Any]


def fields_of(report: "ReportSettings", figures: "Figures") -> Fields:
    """All of them, by name."""
    return {
        "report": report.name,
        **_period(figures),
        **_used(figures),
        **_turns(figures),
        "month": _month(figures),
        **_rows(report, figures),
        "unusual": _unusual(figures),
    }


def _period(figures: "Figures") -> Fields:
    period = figures.period
    return {
        "period": period.name,
        "since": period.since.isoformat(),
        "until": period.until.isoformat(),
        "so_far": figures.so_far,
    }


def _used(figures: "Figures") -> Fields:
    used, usage = figures.used, figures.used.usage
    return {
        "cost_usd": _usd(used.cost_nanousd),
        "cost_before_usd": _usd(figures.before_nanousd),
        "unknown_cost_requests": used.unknown_cost_requests,
        "requests": used.requests,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "saved_usd": _usd(used.saved_nanousd),
    }


def _turns(figures: "Figures") -> Fields:
    turns = figures.turns
    return {
        "turns": turns.answered,
        "failed": turns.failed,
        "turned_away": turns.turned_away,
        "fallbacks": turns.fallbacks,
        "first_text_s": turns.first_text_s,
    }


def _month(figures: "Figures") -> Fields:
    month = figures.month
    return {
        "name": month.period.name,
        "cost_usd": _usd(month.spent_nanousd),
        "forecast_usd": _usd(month.forecast_nanousd),
        "budget_usd": _usd(month.limit_nanousd),
    }


def _rows(report: "ReportSettings", figures: "Figures") -> Fields:
    """What it was spent on, a row each."""
    people = figures.people if report.people else ()
    return {
        "by_day": [
            {"day": day.isoformat(), "cost_usd": _usd(sum(figures.days[day].values()))}
            for day in figures.period.days
        ],
        "by_channel": [{"channel": each.subject, **_share(each)} for each in figures.channels],
        "by_person": [{"person": each.subject, **_share(each)} for each in people],
        "by_model": [
            {"model": each.model, "cost_usd": _usd(each.cost_nanousd), "requests": each.requests}
            for each in figures.used.by_model
        ],
    }


def _unusual(figures: "Figures") -> list[Fields]:
    days = [{"day": each.day.isoformat(), **_against(each.cost)} for each in figures.unusual_days]
    channels = [
        {"channel": each.channel_key, **_against(each.cost)} for each in figures.unusual_channels
    ]
    return [*days, *channels]


def _against(cost: "Unusual") -> Fields:
    return {"cost_usd": _usd(cost.cost_nanousd), "usual_usd": _usd(cost.usual_nanousd)}


def _share(each: "Share") -> Fields:
    return {
        "cost_usd": _usd(each.cost_nanousd),
        "requests": each.requests,
        "unknown_cost_requests": each.unknown_cost_requests,
    }


def _usd(nanousd: int | None) -> str | None:
    """None where it is not known, or there is none."""
    from bot.money.amounts import dollars

    return None if nanousd is None else dollars(nanousd)
