"""Tells operators when a budget is used up to 80 %, and when it has no room any more."""

from datetime import datetime
from zoneinfo import ZoneInfo

import structlog

from bot.money.amounts import readable
from bot.money.budget_rules import BudgetRules, Counter
from bot.money.news import BudgetNews
from bot.money.periods import moment_in_words
from bot.reports.names import NameFinder, Names
from bot.reports.operators import OperatorsChannel
from bot.vocabulary import Clock
from storage import budgets
from storage.budgets import BudgetState
from storage.database import Database
from storage.errors import StorageError

log = structlog.get_logger(__name__)

WARN_PERCENT = 80
GATHER_S = 1.0
"""After an entry was closed others often are; they are looked at together."""

AGAIN_S = 60.0


class BudgetWatch:
    """Looks at the budgets whenever an entry of the ledger was closed or refused in this process."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        rules: BudgetRules,
        news: BudgetNews,
        operators: OperatorsChannel,
        names: NameFinder,
        zone: ZoneInfo,
    ) -> None:
        self._database = database
        self._clock = clock
        self._rules = rules
        self._news = news
        self._operators = operators
        self._names = names
        self._zone = zone
        self._told: set[str] = set()

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            try:
                told_all = await self._look()
            except StorageError as error:
                log.error("budgets can't be looked at", error=str(error))
                told_all = False
            except Exception:
                log.exception("a defect in watching budgets; they are looked at again")
                told_all = False
            if told_all:
                await self._news.wait()
                await self._clock.sleep(GATHER_S)
            else:
                await self._clock.sleep(AGAIN_S)

    async def _look(self) -> bool:
        """Tell what is to be told; false if something could not be."""
        now = self._database.now()
        told_all = True
        for state in await self._database.read(budgets.running, now=now):
            claim = self._rules.claim_of(Counter.of(state.key), now)
            if claim is None:
                continue
            limit = claim.limit_nanousd + state.raised_nanousd
            for event in _events(state, limit, refused=state.key in self._news.refused):
                told_all &= await self._tell(event, state, limit)
        return told_all

    async def _tell(self, event: str, state: BudgetState, limit_nanousd: int) -> bool:
        key = f"budget {event} {state.key} {limit_nanousd}"
        if key in self._told:
            return True
        sentence = await self._sentence(event, state, limit_nanousd)
        if not await self._operators.tell(sentence, key=key, until=state.ends_at):
            return False
        self._told.add(key)
        log.warning("budget", event_kind=event, budget=state.key, spent=state.spent_nanousd)
        return True

    async def _sentence(self, event: str, state: BudgetState, limit_nanousd: int) -> str:
        counter = Counter.of(state.key)
        of_what = f"{readable(state.spent_nanousd)} of {readable(limit_nanousd)}"
        what = await self._what(counter, self._database.now())
        when = f"{moment_in_words(state.ends_at, self._zone)} ({self._zone.key})"
        how = "is nearly used up" if event == "warn" else "has no room for more"
        return (
            f"The budget {what} {how}: {of_what} is spent. It starts afresh on {when}. "
            f"`/budget raise {counter.name} AMOUNT` adds to it."
        )

    async def _what(self, counter: Counter, now: datetime) -> str:
        """Which budget it is, in words."""
        period = f"for this {counter.period}" if counter.period != "day" else "for today"
        names = Names()
        if counter.scope == "channel":
            names = Names(channels=await self._names.channels([counter.subject]))
            return f"of the channel {names.channel(counter.subject)} {period}"
        if counter.scope == "user":
            names = Names(people=await self._names.people([counter.subject], now=now))
            return f"of {names.person(counter.subject)} {period}"
        if counter.scope == "workspace":
            return f"of the workspace {counter.subject} {period}"
        return f"for everything {period}"


def _events(state: BudgetState, limit_nanousd: int, *, refused: bool) -> list[str]:
    """What there is to tell: `warn`, `full`, or both, in this order."""
    warn = state.spent_nanousd * 100 >= limit_nanousd * WARN_PERCENT
    full = refused or state.spent_nanousd >= limit_nanousd
    return [event for event, there in (("warn", warn), ("full", full)) if there]
