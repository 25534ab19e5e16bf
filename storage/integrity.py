"""Whether the data agree with themselves: what `parley db check` looks at."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select, text

from bot.vocabulary import EntryStatus
from storage.tables import BudgetRow, LedgerRow, ThreadRow, TurnRow
from storage.turns import TurnStatus
from storage.upsert import table

ledger = table(LedgerRow)
turns = table(TurnRow)
budgets = table(BudgetRow)
threads = table(ThreadRow)

LONGEST_LEASE = timedelta(minutes=5)


def problems(connection: Connection, *, now: datetime) -> list[str]:
    """What is wrong, one sentence each; empty where all is well."""
    found = [*_file(connection), *_open_entries(connection), *_budgets(connection)]
    return [*found, *_threads(connection, now)]


def _file(connection: Connection) -> list[str]:
    if connection.dialect.name != "sqlite":
        return []
    said = connection.execute(text("PRAGMA quick_check(5)")).scalars().all()
    return [] if said == ["ok"] else [f"the file is damaged: {line}" for line in said]


def _open_entries(connection: Connection) -> list[str]:
    count = connection.execute(
        select(func.count())
        .select_from(ledger.join(turns, turns.c.id == ledger.c.turn_id))
        .where(
            ledger.c.status == EntryStatus.OPEN.value,
            turns.c.status == TurnStatus.DELIVERED.value,
        )
    ).scalar_one()
    if not count:
        return []
    return [
        f"{count} ledger entries of ended turns are open; the service closes them within an hour"
    ]


def _budgets(connection: Connection) -> list[str]:
    open_holds = connection.execute(
        select(func.count()).where(
            ledger.c.status == EntryStatus.OPEN.value, ledger.c.held_nanousd > 0
        )
    ).scalar_one()
    held = connection.execute(select(func.count()).where(budgets.c.held_nanousd > 0)).scalar_one()
    if held and not open_holds:
        return [f"{held} budgets set money aside, but no request is open; please report this"]
    return []


def _threads(connection: Connection, now: datetime) -> list[str]:
    count = connection.execute(
        select(func.count()).where(
            threads.c.owner.is_not(None), threads.c.claimable_at > now + LONGEST_LEASE
        )
    ).scalar_one()
    return (
        [f"{count} threads are held for longer than any lease; is a clock wrong?"] if count else []
    )
