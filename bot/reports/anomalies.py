"""What is far above its own normal, by statistics that one outlier more does not spoil.

A cost is unusual if its modified z-score, 0.6745 x (cost - median) / MAD over what went before, exceeds 3.5
(Iglewicz and Hoaglin, "How to Detect and Handle Outliers", ASQC 1993), and it is also at least twice the
median and a dollar above it, so that nobody is alarmed by pennies. MAD is the median of the absolute
deviations from the median; where everything was the same it is taken for a tenth of the median.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bot.vocabulary import NANO_PER_DOLLAR

MAX_SCORE = 3.5
_TO_SIGMA = 0.6745
MIN_TIMES = 2
MIN_ABOVE_NANOUSD = NANO_PER_DOLLAR
MIN_KNOWN = 4
"""So many periods in which there was a cost at all make a normal."""


@dataclass(frozen=True, slots=True)
class Unusual:
    """A cost, and the one that is usual."""

    cost_nanousd: int
    usual_nanousd: int

    @property
    def times(self) -> float:
        """How many times the usual cost it is."""
        return self.cost_nanousd / self.usual_nanousd


def unusual(cost_nanousd: int, before: Sequence[int]) -> Unusual | None:
    """The cost, if it is far above what the periods `before` cost; None if it is not, or if there is no
    normal to compare it with."""
    if sum(each > 0 for each in before) < MIN_KNOWN:
        return None
    usual = median(before)
    deviation = median(abs(each - usual) for each in before) or usual / 10
    above = cost_nanousd - usual
    if usual <= 0 or above < MIN_ABOVE_NANOUSD or cost_nanousd < MIN_TIMES * usual:
        return None
    if _TO_SIGMA * above / deviation <= MAX_SCORE:
        return None
    return Unusual(cost_nanousd, round(usual))
