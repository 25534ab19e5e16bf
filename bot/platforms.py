"""The platforms that the service speaks on: each adapter made from its section of the settings."""

import os
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path

import structlog

from bot.engine.adapter_store import DatabaseAdapterStore
from bot.host.errors import PluginsUnusable
from bot.host.loading import Loaded, Loading
from bot.installed import adapter_classes
from bot.ports import Adapter, AdapterClass, AdapterSetup, AdapterStore
from bot.vocabulary import Clock
from config import Settings, configured_platforms
from storage.database import Database, sqlite_file

log = structlog.get_logger(__name__)

_SECRET_KEY = "parley_secret_key"  # noqa: S105 - the name of a setting: what adapters encrypt with


def make_adapter(
    name: str,
    *,
    settings: Settings,
    clock: Clock,
    database: Database,
    replica: str | None = None,
    **extra: object,
) -> Adapter:
    """The adapter of that name, which keeps in the database what it has to remember; what it holds
    there, it holds as `replica`, by a new name unless one is given. `extra` is added to the platform's
    settings.

    Raises:
        KeyError: none of that name is installed.
        PlatformError: it can't be made from these settings.
    """
    loaded: AdapterClass = adapter_classes()[name].load()
    store = _adapter_store(name, database, replica or replica_name())
    return loaded.from_setup(_setup(name, settings, clock, store, extra))


def service_adapters(
    settings: Settings, clock: Clock, database: Database, *, replica: str | None = None
) -> dict[str, Adapter]:
    """The adapters of every platform whose credentials are there and that is installed."""
    replica = replica or replica_name()
    installed = adapter_classes()
    wanted = configured_platforms(settings)
    for name in wanted:
        if name not in installed:
            log.error(
                "the platform's tokens are set, but no adapter for it is installed", platform=name
            )
    return {
        name: make_adapter(name, settings=settings, clock=clock, database=database, replica=replica)
        for name in wanted
        if name in installed
    }


def plugin_adapters(
    loading: Loading, settings: Settings, clock: Clock, database: Database, *, replica: str
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
                store=_adapter_store(spec.name, database, replica),
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


def replica_name() -> str:
    """A name that no other replica has: machine, process, and a few random letters. Each call makes
    another, so a process asks once."""
    return f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(4)}"


def data_dir(settings: Settings) -> Path:
    """Where files of this installation are: beside the SQLite database, or `data`."""
    file = sqlite_file(settings.environment.database_url)
    return Path("data") if file is None else file.parent


def _adapter_store(name: str, database: Database, replica: str) -> DatabaseAdapterStore:
    return DatabaseAdapterStore(database=database, platform=name, owner=replica)


def _setup(
    name: str, settings: Settings, clock: Clock, store: AdapterStore, extra: Mapping[str, object]
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
        store=store,
        catch_up_max_age_s=settings.engine.catch_up_max_age_s,
    )
