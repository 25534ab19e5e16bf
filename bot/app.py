"""The composition root: the one place that knows all parts and puts them together.

Adapters and simulators are found by their entry points, so that nothing here names a platform.
"""

import functools
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Protocol, Self

import structlog
from prometheus_client import CollectorRegistry

from bot.batch.batch import Batch
from bot.claude.client import ClaudeClient, connect
from bot.claude.connection import Connection
from bot.claude.observer import NullObserver, Observer
from bot.claude.retry import RetryPolicy
from bot.engine.accounts import LedgerBooks
from bot.engine.adapter_store import DatabaseAdapterStore
from bot.engine.attachments import AttachmentReader
from bot.engine.dispatcher import Dispatcher
from bot.engine.intake import EngineIntake
from bot.engine.turn_run import Services
from bot.engine.turn_runner import TurnRunner
from bot.engine.wakeup import Wakeup
from bot.host.errors import PluginsUnusable
from bot.host.host import PluginHost
from bot.host.installed import load_plugins
from bot.host.jobs import plugin_jobs
from bot.host.loading import Loaded, Loading
from bot.host.occasion import Occasion
from bot.host.offers import command_offers
from bot.host.running import RunningPlugins
from bot.host.surroundings import HostSurroundings
from bot.maintenance import Maintenance
from bot.money.beginning import begin_budgets
from bot.money.budget_rules import BudgetRules
from bot.money.news import BudgetNews
from bot.ports import Adapter, AdapterClass, AdapterSetup, ServesHttp
from bot.reporting import put_together
from bot.scheduler import Scheduler
from bot.service import Service
from bot.telemetry.loop_lag import LoopLag
from bot.telemetry.metrics import Metrics
from bot.telemetry.tracing import Tracing
from bot.vocabulary import Clock, SystemClock, Usage
from bot.web.assembly import make_dashboard
from bot.web.dashboard import Dashboard
from bot.web.operations import OperationsPages
from bot.web.readiness import Readiness
from bot.web.server import WebServer
from config import Settings, configured_platforms
from storage.database import Database
from storage.migrations.start import bring_up_to_date

log = structlog.get_logger(__name__)

ADAPTERS_GROUP = "parley.adapters"
SIMULATORS_GROUP = "parley.simulators"
_SECRET_KEY = "parley_secret_key"  # noqa: S105 - the name of a setting: what adapters encrypt with
PLAYGROUND_GROUP = "parley.playground"


class Simulator(Protocol):
    """A simulated service on loopback; it runs while its context is entered."""

    @property
    def base_url(self) -> str:
        """Where it answers."""

    @classmethod
    def for_people(cls, *, port: int = 0) -> Self:
        """One that behaves as a person would like it; port 0 is any free one."""

    async def __aenter__(self) -> Self:
        """Start it."""

    async def __aexit__(self, *error: object) -> None:
        """Stop it."""


class Playground(Protocol):
    """The sandbox with its page (see `sandbox.page`); it runs while its context is entered."""

    @property
    def page_url(self) -> str:
        """The page."""

    async def bot_started(self) -> None:
        """Wait until the bot on the page serves. Raises RuntimeError, which says why it does not."""

    @property
    def claude_environ(self) -> Mapping[str, str]:
        """What another service is told that should ask the same simulated Claude."""

    async def __aenter__(self) -> Self:
        """Start everything."""

    async def __aexit__(self, *error: object) -> None:
        """Stop everything."""


def playground_class() -> Callable[..., Playground]:
    """What makes the sandbox with its page. Raises LookupError if it is not installed."""
    (entry,) = entry_points(group=PLAYGROUND_GROUP)
    loaded: Callable[..., Playground] = entry.load()
    return loaded


def adapter_classes() -> dict[str, EntryPoint]:
    """The installed adapters by the platform's name; none of them is imported yet."""
    return {entry.name: entry for entry in entry_points(group=ADAPTERS_GROUP)}


def open_database(settings: Settings, clock: Clock) -> Database:
    """The database that the settings name; nothing is connected yet."""
    return Database(settings.environment.database_url, clock=clock)


def make_adapter(
    name: str, *, settings: Settings, clock: Clock, database: Database, **extra: object
) -> Adapter:
    """The adapter of that name, which keeps in the database what it has to remember. `extra` is added
    to the platform's settings.

    Raises:
        KeyError: none of that name is installed.
        PlatformError: it can't be made from these settings.
    """
    loaded: AdapterClass = adapter_classes()[name].load()
    return loaded.from_setup(_setup(name, settings, clock, database, extra))


def simulator(name: str) -> type[Simulator]:
    """The class of a simulated service. Raises KeyError if none of that name is installed."""
    installed = {entry.name: entry for entry in entry_points(group=SIMULATORS_GROUP)}
    loaded: type[Simulator] = installed[name].load()
    return loaded


def service_adapters(settings: Settings, clock: Clock, database: Database) -> dict[str, Adapter]:
    """The adapters of every platform whose credentials are there and that is installed."""
    installed = adapter_classes()
    wanted = configured_platforms(settings)
    for name in wanted:
        if name not in installed:
            log.error(
                "the platform's tokens are set, but no adapter for it is installed", platform=name
            )
    return {
        name: make_adapter(name, settings=settings, clock=clock, database=database)
        for name in wanted
        if name in installed
    }


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
    tracing = Tracing.configured(
        otlp_endpoint=settings.telemetry.otlp_endpoint,
        environ=environ,
        propagate=settings.telemetry.propagate_traceparent,
    )
    database = database or open_database(settings, clock)
    claude = _claude(settings, clock, tracing, metrics.claude)
    news = BudgetNews()
    rules = BudgetRules(settings.budgets, zone=settings.operators.zone)
    books = LedgerBooks(database=database, rules=rules, news=news)
    owner = replica_name()

    def price_of(model: str, usage: Usage, when: datetime) -> int | None:
        return claude.pricing.cost_nanousd(model, usage, when=when)

    loading = load_plugins(settings) if plugins is None else plugins
    known = {**adapters, **_plugin_adapters(loading, settings, clock, database)}
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
    host = PluginHost(
        loading=loading,
        database=database,
        claude=claude,
        clock=clock,
        watch=metrics.plugins,
    )
    services = Services(
        database=database,
        claude=claude,
        books=books,
        reader=AttachmentReader(database=database, limits=settings.context),
        settings=settings,
        clock=clock,
        metrics=metrics,
        tracing=tracing,
        plugins=host,
        intake=intake,
        money=reporting.money,
    )
    dispatcher = Dispatcher(
        database=database,
        runner=TurnRunner(services=services, adapters=known),
        books=books,
        settings=settings.engine,
        clock=clock,
        metrics=metrics,
        price_of=price_of,
        owner=owner,
        platforms=known,
        wakeup=wakeup,
    )
    nowhere = _nowhere(services)
    maintenance = Maintenance(database=database, settings=settings, clock=clock, price_of=price_of)
    jobs = [*maintenance.jobs(), *plugin_jobs(host, nowhere, zone=settings.operators.zone)]
    if settings.operators.anomalies:
        jobs.append(reporting.anomaly_watch.job())
    readiness = Readiness()
    scheduler = Scheduler(database=database, clock=clock, owner=owner, jobs=jobs)
    dashboard = make_dashboard(
        settings=settings,
        database=database,
        clock=clock,
        claude=claude,
        host=host,
        scheduler=scheduler,
        readiness=readiness,
        replica=owner,
    )
    service = Service(
        settings=settings.engine,
        clock=clock,
        database=database,
        prepare=functools.partial(_prepare, rules),
        claude=claude,
        dispatcher=dispatcher,
        intake=intake,
        adapters=known,
        plugins=RunningPlugins(
            host=host,
            occasion=nowhere,
            block_s=settings.plugin_host.block_s,
            report=metrics.plugins.plugin_blocked_loop,
        ),
        scheduler=scheduler,
        loop_lag=LoopLag(clock=clock, report=metrics.loop_lagged),
        tracing=tracing,
        web=_web(settings, registry, readiness, dashboard, known) if with_web else None,
        background={"reports": reporting.desk.run, "budgets": reporting.budget_watch.run},
    )
    _tell_when_ready(readiness, database, service, known)
    return service


@asynccontextmanager
async def batch_runner(
    settings: Settings, *, clock: Clock, environ: Mapping[str, str] = os.environ
) -> AsyncIterator[Batch]:
    """What runs batches, beside the service or without it."""
    tracing = Tracing.configured(
        otlp_endpoint=settings.telemetry.otlp_endpoint,
        environ=environ,
        propagate=settings.telemetry.propagate_traceparent,
    )
    database = Database(settings.environment.database_url, clock=clock)
    claude = _claude(settings, clock, tracing, NullObserver())
    rules = BudgetRules(settings.budgets, zone=settings.operators.zone)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(tracing.close)
        stack.push_async_callback(database.close)
        stack.push_async_callback(claude.aclose)
        yield Batch(
            settings=settings,
            database=database,
            claude=claude,
            books=LedgerBooks(database=database, rules=rules),
            clock=clock,
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


def _plugin_adapters(
    loading: Loading, settings: Settings, clock: Clock, database: Database
) -> dict[str, Adapter]:
    """The platforms that plugins bring, each made from its plugin's settings."""
    made: dict[str, Adapter] = {}
    installed = adapter_classes()
    for loaded in loading.loaded:
        for spec in loaded.plugin.adapters:
            if spec.name in installed:
                _left_out(loaded, spec.name, "a platform of that name is installed")
                continue
            setup = AdapterSetup(
                clock=clock,
                secrets={},
                addresses={},
                settings=loaded.settings.model_dump(),
                data_dir=data_dir(settings),
                store=_adapter_store(spec.name, database),
                catch_up_max_age_s=settings.engine.catch_up_max_age_s,
            )
            try:
                made[spec.name] = spec.factory.from_setup(setup)
            except Exception as error:  # a plugin's code: whatever it raises, the others start
                _left_out(loaded, spec.name, f"{type(error).__name__}: {error}")
    return made


def _left_out(loaded: Loaded, platform: str, why: str) -> None:
    """Report a plugin's platform that can't be had. Raises `PluginsUnusable` if the plugin is required."""
    if loaded.options.required:
        raise PluginsUnusable(
            f"plugin {loaded.name} is required and its platform {platform} can't be had: {why}"
        )
    log.error("a plugin's platform is left out", plugin=loaded.name, platform=platform, why=why)


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


def replica_name() -> str:
    """A name for this process that no other has: machine, process, and a few random letters."""
    return f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(4)}"


def data_dir(settings: Settings) -> Path:
    """Where files of this installation are: beside the SQLite database, or `data`."""
    url = settings.environment.database_url
    return (
        Path(url.removeprefix("sqlite:///")).parent
        if url.startswith("sqlite:///")
        else Path("data")
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
    settings: Settings,
    registry: CollectorRegistry,
    readiness: Readiness,
    dashboard: Dashboard,
    adapters: Mapping[str, Adapter],
) -> WebServer:
    server = WebServer(address=settings.environment.http)
    server.add_routes(OperationsPages(readiness=readiness, registry=registry).routes())
    server.add_routes(dashboard.routes())
    server.at_stop(dashboard.aclose)
    for adapter in adapters.values():
        if isinstance(adapter, ServesHttp):
            server.add_routes(adapter.routes())
    return server


def _is_ready(adapter: Adapter) -> bool:
    return adapter.ready


def _adapter_store(name: str, database: Database) -> DatabaseAdapterStore:
    return DatabaseAdapterStore(database=database, platform=name, owner=replica_name())


def _setup(
    name: str, settings: Settings, clock: Clock, database: Database, extra: Mapping[str, object]
) -> AdapterSetup:
    section = getattr(settings, name, None)
    present = {
        variable.upper(): value.get_secret_value()
        for variable, value in settings.secrets
        if value is not None and (variable.startswith(f"{name}_") or variable == _SECRET_KEY)
    }
    addresses = {
        variable.upper(): str(value)
        for variable, value in settings.environment
        if variable.startswith(f"{name}_")
    }
    return AdapterSetup(
        clock=clock,
        secrets=present,
        addresses=addresses,
        settings={**(section.model_dump() if section else {}), **extra},
        data_dir=data_dir(settings),
        store=_adapter_store(name, database),
        catch_up_max_age_s=settings.engine.catch_up_max_age_s,
    )
