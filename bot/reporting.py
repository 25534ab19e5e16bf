"""Puts together what reports and usage need, for the service and for the command line."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.money.budget_desk import BudgetDesk
from bot.money.budget_rules import BudgetRules
from bot.money.desk import MoneyDesk
from bot.money.news import BudgetNews
from bot.money.savings import Savings
from bot.money.used import UsageReader
from bot.ports import Adapter
from bot.reports.anomaly_watch import AnomalyWatch
from bot.reports.budget_watch import BudgetWatch
from bot.reports.desk import ReportDesk
from bot.reports.figures import FiguresReader
from bot.reports.making import DigestMaker
from bot.reports.names import NameFinder
from bot.reports.operators import OperatorsChannel
from bot.reports.picture import Draw, draw
from bot.reports.schedule import ReportSchedule
from bot.reports.sending import ReportSender
from bot.reports.targets import Targets
from bot.vocabulary import Clock
from config import Settings
from storage.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporting:
    """The parts, each made from the ones before it."""

    rules: BudgetRules
    money: MoneyDesk
    maker: DigestMaker
    sender: ReportSender
    schedules: Mapping[str, ReportSchedule]
    desk: ReportDesk
    budget_watch: BudgetWatch
    anomaly_watch: AnomalyWatch


def put_together(
    *,
    settings: Settings,
    database: Database,
    adapters: Mapping[str, Adapter],
    clock: Clock,
    news: BudgetNews | None = None,
    draw: Draw = draw,
) -> Reporting:
    """All of it. Reports reach the platforms of these adapters; nothing is started."""
    zone = settings.operators.zone
    rules = BudgetRules(settings.budgets, zone=zone)
    savings = Savings(settings.models)
    figures = FiguresReader(database=database, savings=savings, rules=rules)
    names, targets = NameFinder(adapters), Targets(adapters)
    operators = OperatorsChannel(
        database=database, targets=targets, target=settings.operators.channel
    )
    maker = DigestMaker(figures=figures, names=names, catalogue=settings.models)
    schedules = {each.name: ReportSchedule(each, operators=zone) for each in settings.reports}
    sender = ReportSender(
        database=database,
        maker=maker,
        targets=targets,
        operators=operators,
        schedules=schedules.values(),
        draw=draw,
    )
    return Reporting(
        rules=rules,
        money=MoneyDesk(
            UsageReader(database=database, savings=savings),
            BudgetDesk(database=database, rules=rules),
        ),
        maker=maker,
        sender=sender,
        schedules=schedules,
        desk=ReportDesk(
            database=database, clock=clock, schedules=[*schedules.values()], sender=sender
        ),
        budget_watch=BudgetWatch(
            database=database,
            clock=clock,
            rules=rules,
            news=news or BudgetNews(),
            operators=operators,
            names=names,
            zone=zone,
        ),
        anomaly_watch=AnomalyWatch(
            figures=figures, names=names, operators=operators, clock=clock, zone=zone
        ),
    )
