"""All settings of a process, typed and checked."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from config.budgets import BudgetSettings
from config.catalogue import Catalogue
from config.environment import Environment, Secrets, passwords_in
from config.keys import ChannelKey, Name, WorkspaceKey
from config.layers import DEFAULT, Origin
from config.overrides import ChannelSettings, Overrides, channel_overrides
from config.problems import SettingPath
from config.reports import ReportSettings, with_weekly
from config.sections import (
    CacheSettings,
    CatalogueSettings,
    ClaudeSettings,
    ContextSettings,
    DiscordSettings,
    EngineSettings,
    LimitsSettings,
    LogsSettings,
    OperatorsSettings,
    PluginHostSettings,
    RepliesSettings,
    RetentionSettings,
    SlackSettings,
    TelemetrySettings,
    ThreadsSettings,
    ToolsSettings,
    WebSettings,
)


class Settings(BaseSettings):
    """All settings. Attributes are named as the sections and keys of `parley.toml` are.

    `Settings()` is the defaults and reads nothing but the shipped catalogue; `load_settings` reads
    what the operator wrote.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", strict=True)

    claude: ClaudeSettings = ClaudeSettings()
    context: ContextSettings = ContextSettings()
    threads: ThreadsSettings = ThreadsSettings()
    limits: LimitsSettings = LimitsSettings()
    cache: CacheSettings = CacheSettings()
    replies: RepliesSettings = RepliesSettings()
    slack: SlackSettings = SlackSettings()
    discord: DiscordSettings = DiscordSettings()
    engine: EngineSettings = EngineSettings()
    retention: RetentionSettings = RetentionSettings()
    logs: LogsSettings = LogsSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    web: WebSettings = WebSettings()
    operators: OperatorsSettings = OperatorsSettings()
    tools: ToolsSettings = ToolsSettings()
    plugin_host: PluginHostSettings = PluginHostSettings()
    catalogue: CatalogueSettings = CatalogueSettings()
    budgets: Annotated[tuple[BudgetSettings, ...], Field(strict=False)] = ()
    reports: Annotated[tuple[ReportSettings, ...], Field(strict=False)] = ()
    """Always with one named `weekly`."""
    workspaces: dict[WorkspaceKey, Overrides] = {}
    channels: dict[ChannelKey, Overrides] = {}
    plugins: dict[Name, dict[str, Any]] = Field({}, repr=False)
    """Each plugin's own settings, unchecked here; they may hold secrets."""

    secrets: Secrets = Secrets()
    environment: Environment = Environment()

    models: Catalogue = Field(default_factory=Catalogue.shipped, repr=False)
    """The models that may be used and their prices."""
    origins: Mapping[SettingPath, Origin] = Field({}, repr=False)
    """Where each value that is not a default came from."""
    warnings: tuple[str, ...] = ()
    """What works today but deserves attention, one sentence each."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Nothing is read behind the caller's back: the sources are given by `load_settings`."""
        return (init_settings,)

    @field_validator("reports")
    @classmethod
    def _named_apart(cls, reports: tuple[ReportSettings, ...]) -> tuple[ReportSettings, ...]:
        names = [report.name for report in reports]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f'two reports are named "{name}"; give each a name of its own')
        return with_weekly(reports)

    def for_channel(self, *, channel_key: str, workspace_key: str) -> ChannelSettings:
        """The settings in force in a channel: its own beat its workspace's, and those the general
        ones. `channel_key` is `platform:workspace:channel`, `workspace_key` `platform:workspace`."""
        general = ChannelSettings(
            claude=self.claude, limits=self.limits, threads=self.threads, plugins={}
        )
        if not self.workspaces and not self.channels:
            return general
        return general.overridden_by(
            (
                self.workspaces.get(workspace_key),
                *channel_overrides(self.channels, channel_key),
            )
        )

    def origin_of(self, path: SettingPath) -> Origin:
        """Where the value at the path came from; that of a list or table is that of its first part."""
        below = (origin for key, origin in self.origins.items() if key[: len(path)] == path)
        return self.origins.get(path) or next(below, DEFAULT)

    def secret_values(self) -> tuple[str, ...]:
        """Every secret in force, so that logs can be cleaned of them."""
        values = (getattr(self.secrets, name) for name in Secrets.model_fields)
        texts = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
        address = self.environment
        for url in (
            address.database_url,
            address.anthropic_base_url,
            address.slack_api_url,
            address.discord_api_url,
            self.telemetry.otlp_endpoint,
        ):
            texts.extend(passwords_in(url))
        return tuple(texts)
