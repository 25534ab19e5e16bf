"""The composition root: the one place that knows all parts and puts them together.

What is installed beside the bot is found by entry points (`bot.installed`), and `bot.platforms` makes the
adapters; so nothing here names a platform.
"""

import functools
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

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
from bot.reports.picture import Draw, draw
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
    "replica_name",
    "service_adapters",
    "simulator",
]


def open_database(settings: Settings, clock: Clock) -> Database:
    """The database that the settings name; nothing is connected yet."""
    return Database(
        settings.environment.database_url,
        clock=clock,
        connections=settings.engine.database_connections,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What the parts of a service stand on."""

    settings: Settings
    clock: Clock
    database: Database
    replica: str
    loading: Loading
    adapters: Mapping[str, Adapter]
    """The platforms of the service and those that its plugins bring."""
    metrics: Metrics
    tracing: Tracing


def build(
    *,
    settings: Settings,
    adapters: Mapping[str, Adapter],
    clock: Clock | None = None,
    database: Database | None = None,
    replica: str | None = None,
    with_web: bool = True,
    environ: Mapping[str, str] = os.environ,
    plugins: Loading | None = None,
    draw: Draw = draw,
) -> Service:
    """Put a service together; nothing is connected or started yet. `replica` is its name, a new one
    unless given. `plugins` are those that the settings allow unless given; the service closes the
    database.

    Raises:
        PluginsUnusable: one that is required can't be used.
    """
    clock = clock or SystemClock()
    database = database or open_database(settings, clock)
    replica = replica or replica_name()
    loading = load_plugins(settings) if plugins is None else plugins
    of_plugins = plugin_adapters(loading, settings, clock, database, replica=replica)
    ground = _Ground(
        settings=settings,
        clock=clock,
        database=database,
        replica=replica,
        loading=loading,
        adapters={**adapters, **of_plugins},
        metrics=Metrics(registry=CollectorRegistry()),
        tracing=_tracing(settings, environ),
    )
    news, wakeup, readiness = BudgetNews(), Wakeup(), Readiness()
    reporting = _reporting(ground, news, draw)
    services = _services(ground, reporting, news, wakeup)
    nowhere = _nowhere(services)
    scheduler = _scheduler(ground, services, reporting, nowhere)
    service = Service(
        settings=settings.engine,
        clock=clock,
        database=database,
        prepare=functools.partial(_prepare, reporting.rules),
        claude=services.claude,
        dispatcher=_dispatcher(ground, services, wakeup),
        intake=services.intake,
        adapters=ground.adapters,
        plugins=_running_plugins(ground, services, nowhere),
        scheduler=scheduler,
        loop_lag=LoopLag(clock=clock, report=ground.metrics.loop_lagged),
        tracing=ground.tracing,
        web=_web(ground, services, reporting, scheduler, readiness) if with_web else None,
        background={"reports": reporting.desk.run, "budgets": reporting.budget_watch.run},
    )
    _tell_when_ready(ground, readiness, service)
    return service


def _reporting(ground: _Ground, news: BudgetNews, draw: Draw) -> Reporting:
    return put_together(
        settings=ground.settings,
        database=ground.database,
        adapters=ground.adapters,
        clock=ground.clock,
        news=news,
        draw=draw,
    )


def _services(ground: _Ground, reporting: Reporting, news: BudgetNews, wakeup: Wakeup) -> Services:
    """What every turn uses."""
    settings, database, clock = ground.settings, ground.database, ground.clock
    claude = _claude(settings, clock, ground.tracing, ground.metrics.claude)
    return Services(
        database=database,
        claude=claude,
        books=LedgerBooks(database=database, rules=reporting.rules, news=news),
        budget_queue=BudgetQueue(
            database=database, news=news, most=max(1, settings.engine.max_active_turns // 2)
        ),
        reader=AttachmentReader(database=database, limits=settings.context),
        settings=settings,
        clock=clock,
        metrics=ground.metrics,
        tracing=ground.tracing,
        plugins=PluginHost(
            loading=ground.loading,
            database=database,
            claude=claude,
            clock=clock,
            watch=ground.metrics.plugins,
        ),
        intake=_intake(ground, reporting, wakeup),
        money=reporting.money,
    )


def _intake(ground: _Ground, reporting: Reporting, wakeup: Wakeup) -> EngineIntake:
    return EngineIntake(
        database=ground.database,
        wakeup=wakeup,
        adapters=ground.adapters,
        metrics=ground.metrics,
        max_pending=ground.settings.engine.max_pending,
        offers=command_offers(ground.loading),
        usage=reporting.money.usage,
        zone=ground.settings.operators.zone,
    )


def _dispatcher(ground: _Ground, services: Services, wakeup: Wakeup) -> Dispatcher:
    return Dispatcher(
        database=ground.database,
        runner=TurnRunner(services=services, adapters=ground.adapters),
        books=services.books,
        settings=ground.settings.engine,
        clock=ground.clock,
        metrics=ground.metrics,
        price_of=services.claude.pricing.cost_nanousd,
        owner=ground.replica,
        platforms=ground.adapters.keys(),
        wakeup=wakeup,
    )


def _scheduler(
    ground: _Ground, services: Services, reporting: Reporting, nowhere: Occasion
) -> Scheduler:
    """What happens at its time: the bot's own chores and the plugins' jobs."""
    settings, database, clock = ground.settings, ground.database, ground.clock
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
    return Scheduler(database=database, clock=clock, owner=ground.replica, jobs=jobs)


def _running_plugins(ground: _Ground, services: Services, nowhere: Occasion) -> RunningPlugins:
    return RunningPlugins(
        host=services.plugins,
        occasion=nowhere,
        block_s=ground.settings.plugin_host.block_s,
        report=ground.metrics.plugins.plugin_blocked_loop,
    )


def _web(
    ground: _Ground,
    services: Services,
    reporting: Reporting,
    scheduler: Scheduler,
    readiness: Readiness,
) -> WebServer:
    """The pages for operators, the dashboard, and the routes of platforms that come by HTTP."""
    dashboard = make_dashboard(
        settings=ground.settings,
        database=ground.database,
        clock=ground.clock,
        claude=services.claude,
        host=services.plugins,
        scheduler=scheduler,
        readiness=readiness,
        replica=ground.replica,
        rules=reporting.rules,
    )
    pages = OperationsPages(readiness=readiness, registry=ground.metrics.registry)
    server = WebServer(address=ground.settings.environment.http)
    server.add_routes(pages.routes())
    server.add_routes(dashboard.routes())
    server.at_stop(dashboard.aclose)
    for adapter in ground.adapters.values():
        if isinstance(adapter, ServesHttp):
            server.add_routes(adapter.routes())
    return server


def _tell_when_ready(ground: _Ground, readiness: Readiness, service: Service) -> None:
    readiness.register("database", ground.database.ping)
    readiness.register("service", lambda: not service.stopping)
    for name, adapter in ground.adapters.items():
        readiness.register(name, functools.partial(_is_ready, adapter))


@asynccontextmanager
async def batch_runner(
    settings: Settings, *, clock: Clock, environ: Mapping[str, str] = os.environ
) -> AsyncIterator[Batch]:
    """What runs batches, beside the service or without it."""
    tracing = _tracing(settings, environ)
    database = open_database(settings, clock)
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


def _is_ready(adapter: Adapter) -> bool:
    return adapter.ready
