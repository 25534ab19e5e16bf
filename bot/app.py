"""The composition root: the one place that knows all parts and puts them together.

What is installed beside the bot is found by entry points (`bot.installed`), and `bot.platforms` makes the
adapters; so nothing here names a platform.
"""

import functools
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from prometheus_client import CollectorRegistry

from bot.batch.batch import Batch
from bot.claude.client import ClaudeClient, connect
from bot.claude.connection import Connection
from bot.claude.observer import NullObserver, Observer
from bot.claude.retry import RetryPolicy
from bot.engine.accounts import LedgerBooks
from bot.engine.attachments import AttachmentReader
from bot.engine.dispatcher import Dispatcher
from bot.engine.intake import EngineIntake
from bot.engine.turn_run import Services
from bot.engine.turn_runner import TurnRunner
from bot.engine.wakeup import Wakeup
from bot.host.host import PluginHost
from bot.host.installed import load_plugins
from bot.host.jobs import plugin_jobs
from bot.host.loading import Loading
from bot.host.occasion import Occasion
from bot.host.offers import command_offers
from bot.host.running import RunningPlugins
from bot.host.surroundings import HostSurroundings
from bot.installed import playground_class, simulator
from bot.maintenance import Maintenance
from bot.money.beginning import begin_budgets
from bot.money.budget_queue import BudgetQueue
from bot.money.budget_rules import BudgetRules
from bot.money.news import BudgetNews
from bot.platforms import data_dir, make_adapter, plugin_adapters, replica_name, service_adapters
from bot.ports import Adapter, ServesHttp
from bot.reporting import Reporting, put_together
from bot.scheduler import Scheduler
from bot.service import Service
from bot.telemetry.loop_lag import LoopLag
from bot.telemetry.metrics import Metrics
from bot.telemetry.tracing import Tracing
from bot.vocabulary import Clock, SystemClock
from bot.web.assembly import make_dashboard
from bot.web.operations import OperationsPages
from bot.web.readiness import Readiness
from bot.web.server import WebServer
from config import Settings
from storage.database import Database
from storage.migrations.start import bring_up_to_date

__all__ = [
    "batch_runner",
    "build",
    "data_dir",
    "make_adapter",
    "open_database",
    "playground_class",
    "service_adapters",
    "simulator",
]


def open_database(settings: Settings, clock: Clock) -> Database:
    """The database that the settings name; nothing is connected yet."""
    return Database(settings.environment.database_url, clock=clock)


def build(
    *,
    settings: Settings,
    adapters: Mapping[str, Adapter],
    clock: Clock | None = None,
    database: Database | None = None,
    with_web: bool = True,
    environ: Mapping[str, str] = os.environ,
    plugins: Loading | None = None,
) -> Service:
    """Put a service together; nothing is connected or started yet. `plugins` are those that the
    settings allow unless given; the service closes the database.

    Raises:
        PluginsUnusable: one that is required can't be used.
    """
    clock = clock or SystemClock()
    registry = CollectorRegistry()
    metrics = Metrics(registry=registry)
    tracing = _tracing(settings, environ)
    database = database or open_database(settings, clock)
    claude = _claude(settings, clock, tracing, metrics.claude)
    news = BudgetNews()
    owner = replica_name()
    loading = load_plugins(settings) if plugins is None else plugins
    known = {**adapters, **plugin_adapters(loading, settings, clock, database)}
    reporting = put_together(
        settings=settings, database=database, adapters=known, clock=clock, news=news
    )
    wakeup = Wakeup()
    intake = EngineIntake(
        database=database,
        dispatcher=wakeup,
        adapters=known,
        metrics=metrics,
        max_pending=settings.engine.max_pending,
        offers=command_offers(loading),
        usage=reporting.money.usage,
        zone=settings.operators.zone,
    )
    services = Services(
        database=database,
        claude=claude,
        books=LedgerBooks(database=database, rules=reporting.rules, news=news),
        budget_queue=BudgetQueue(
            database=database, news=news, most=settings.engine.max_active_turns // 2
        ),
        reader=AttachmentReader(database=database, limits=settings.context),
        settings=settings,
        clock=clock,
        metrics=metrics,
        tracing=tracing,
        plugins=PluginHost(
            loading=loading,
            database=database,
            claude=claude,
            clock=clock,
            watch=metrics.plugins,
        ),
        intake=intake,
        money=reporting.money,
    )
    nowhere = _nowhere(services)
    scheduler = _scheduler(services, reporting, nowhere, owner=owner)
    readiness = Readiness()
    service = Service(
        settings=settings.engine,
        clock=clock,
        database=database,
        prepare=functools.partial(_prepare, reporting.rules),
        claude=claude,
        dispatcher=_dispatcher(services, known, wakeup, owner=owner),
        intake=intake,
        adapters=known,
        plugins=RunningPlugins(
            host=services.plugins,
            occasion=nowhere,
            block_s=settings.plugin_host.block_s,
            report=metrics.plugins.plugin_blocked_loop,
        ),
        scheduler=scheduler,
        loop_lag=LoopLag(clock=clock, report=metrics.loop_lagged),
        tracing=tracing,
        web=(
            _web(services, reporting.rules, registry, readiness, scheduler, known, owner=owner)
            if with_web
            else None
        ),
        background={"reports": reporting.desk.run, "budgets": reporting.budget_watch.run},
    )
    _tell_when_ready(readiness, database, service, known)
    return service


def _dispatcher(
    services: Services, adapters: Mapping[str, Adapter], wakeup: Wakeup, *, owner: str
) -> Dispatcher:
    return Dispatcher(
        database=services.database,
        runner=TurnRunner(services=services, adapters=adapters),
        books=services.books,
        settings=services.settings.engine,
        clock=services.clock,
        metrics=services.metrics,
        price_of=services.claude.pricing.cost_nanousd,
        owner=owner,
        platforms=adapters.keys(),
        wakeup=wakeup,
    )


def _scheduler(
    services: Services, reporting: Reporting, nowhere: Occasion, *, owner: str
) -> Scheduler:
    """What happens at its time: the bot's own chores and the plugins' jobs."""
    settings, database, clock = services.settings, services.database, services.clock
    maintenance = Maintenance(
        database=database,
        settings=settings,
        clock=clock,
        price_of=services.claude.pricing.cost_nanousd,
    )
    jobs = [
        *maintenance.jobs(),
        *plugin_jobs(services.plugins, nowhere, zone=settings.operators.zone),
    ]
    if settings.operators.anomalies:
        jobs.append(reporting.anomaly_watch.job())
    return Scheduler(database=database, clock=clock, owner=owner, jobs=jobs)


@asynccontextmanager
async def batch_runner(
    settings: Settings, *, clock: Clock, environ: Mapping[str, str] = os.environ
) -> AsyncIterator[Batch]:
    """What runs batches, beside the service or without it."""
    tracing = _tracing(settings, environ)
    database = Database(settings.environment.database_url, clock=clock)
    claude = _claude(settings, clock, tracing, NullObserver())
    rules = BudgetRules(settings.budgets, zone=settings.operators.zone)
    news = BudgetNews()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(tracing.close)
        stack.push_async_callback(database.close)
        stack.push_async_callback(claude.aclose)
        yield Batch(
            settings=settings,
            database=database,
            claude=claude,
            books=LedgerBooks(database=database, rules=rules, news=news),
            room=BudgetQueue(database=database, news=news, most=settings.claude.max_concurrency),
            clock=clock,
        )


def _tracing(settings: Settings, environ: Mapping[str, str]) -> Tracing:
    return Tracing.configured(
        otlp_endpoint=settings.telemetry.otlp_endpoint,
        environ=environ,
        propagate=settings.telemetry.propagate_traceparent,
    )


async def _prepare(rules: BudgetRules, database: Database) -> None:
    """The tables as this release needs them, and budgets that count what was spent before them."""
    await bring_up_to_date(database)
    await begin_budgets(database, rules)


def _tell_when_ready(
    readiness: Readiness, database: Database, service: Service, adapters: Mapping[str, Adapter]
) -> None:
    readiness.register("database", database.ping)
    readiness.register("service", lambda: not service.stopping)
    for name, adapter in adapters.items():
        readiness.register(name, functools.partial(_is_ready, adapter))


def _nowhere(services: Services) -> Occasion:
    """The occasion of what happens nowhere and for nobody: lifespans and jobs."""
    claude = services.settings.claude
    return Occasion(
        around=lambda plugin: HostSurroundings(
            database=services.database, intake=services.intake, plugin=plugin, channel=None
        ),
        books=services.books,
        models=claude.models,
        deadline_s=claude.turn_deadline_s,
    )


def _claude(settings: Settings, clock: Clock, tracing: Tracing, observer: Observer) -> ClaudeClient:
    key = settings.secrets.anthropic_api_key
    connection = Connection(
        lambda: connect(
            api_key=key.get_secret_value() if key else "",
            base_url=settings.environment.anthropic_base_url,
            max_concurrency=settings.claude.max_concurrency,
            open_telemetry=tracing.claude_option,
        )
    )
    return ClaudeClient(
        sdk=connection,
        catalogue=settings.models,
        clock=clock,
        max_concurrency=settings.claude.max_concurrency,
        retry=RetryPolicy(max_attempts=settings.claude.max_attempts),
        observer=observer,
    )


def _web(
    services: Services,
    rules: BudgetRules,
    registry: CollectorRegistry,
    readiness: Readiness,
    scheduler: Scheduler,
    adapters: Mapping[str, Adapter],
    *,
    owner: str,
) -> WebServer:
    """The pages for operators, the dashboard, and the routes of platforms that come by HTTP."""
    dashboard = make_dashboard(
        settings=services.settings,
        database=services.database,
        clock=services.clock,
        claude=services.claude,
        host=services.plugins,
        scheduler=scheduler,
        readiness=readiness,
        replica=owner,
        rules=rules,
    )
    server = WebServer(address=services.settings.environment.http)
    server.add_routes(OperationsPages(readiness=readiness, registry=registry).routes())
    server.add_routes(dashboard.routes())
    server.at_stop(dashboard.aclose)
    for adapter in adapters.values():
        if isinstance(adapter, ServesHttp):
            server.add_routes(adapter.routes())
    return server


def _is_ready(adapter: Adapter) -> bool:
    return adapter.ready
