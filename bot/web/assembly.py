"""The dashboard, put together from what the service is made of."""

from bot.claude.client import ClaudeClient
from bot.host.host import PluginHost
from bot.money.budget_rules import BudgetRules
from bot.scheduler import Scheduler
from bot.vocabulary import Clock
from bot.web.access import Access
from bot.web.assets import Assets
from bot.web.costs import Costs
from bot.web.dashboard import Dashboard
from bot.web.live import Live
from bot.web.readiness import Readiness
from bot.web.spending import SpendingByDay
from bot.web.standing import Standing
from config import Settings
from storage.database import Database


def make_dashboard(
    *,
    settings: Settings,
    database: Database,
    clock: Clock,
    claude: ClaudeClient,
    host: PluginHost,
    scheduler: Scheduler,
    readiness: Readiness,
    replica: str,
    rules: BudgetRules,
) -> Dashboard:
    """The operators' dashboard of this process; `replica` is its name."""
    token = settings.secrets.parley_web_token
    spending = SpendingByDay(database=database, zone=settings.operators.zone, clock=clock)
    return Dashboard(
        access=Access(token=token.get_secret_value() if token else None, clock=clock),
        assets=Assets(),
        live=Live(database=database, claude=claude, readiness=readiness, replica=replica),
        costs=Costs(database=database, spending=spending, rules=rules),
        standing=Standing(
            database=database, settings=settings, host=host, scheduler=scheduler, clock=clock
        ),
        database=database,
        show_text=settings.web.show_text,
    )
