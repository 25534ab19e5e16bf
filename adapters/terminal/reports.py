"""The line that tells what an answer used."""

from bot.ports import TurnReport
from bot.vocabulary import NANO_PER_DOLLAR

_SHOWN_UNIT_NANOUSD = 10**5  # a hundredth of a cent


def report_line(report: TurnReport) -> str:
    """Model, tokens and cost, such as `claude-sonnet-5-5 · 1,200 tokens in (1,000 from the cache),
    56 out · $0.0021`; how the turn ended, such as `cached` or `stopped`, where no usage is reported."""
    usage = report.usage
    if not usage.prompt_tokens and not usage.output_tokens:
        return report.outcome
    read = f" ({usage.cache_read_tokens:,} from the cache)" if usage.cache_read_tokens else ""
    tokens = f"{usage.prompt_tokens:,} tokens in{read}, {usage.output_tokens:,} out"
    return f"{report.model or report.outcome} · {tokens} · {_cost(report.cost_nanousd)}"


def _cost(nanousd: int | None) -> str:
    """Dollars to a hundredth of a cent, rounded half up."""
    if nanousd is None:
        return "cost not known"
    units = (nanousd + _SHOWN_UNIT_NANOUSD // 2) // _SHOWN_UNIT_NANOUSD
    whole, fraction = divmod(units, NANO_PER_DOLLAR // _SHOWN_UNIT_NANOUSD)
    return f"${whole:,}.{fraction:04d}"
