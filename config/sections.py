"""The sections of `parley.toml`. What each key does is told to operators in `defaults.toml`."""

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, computed_field, model_validator

from config.keys import ChannelKeyOrEmpty, HttpUrlOrEmpty
from config.model import Effort
from config.pricing import CacheTtl
from config.slack_manifest import bot_scopes
from config.zones import known_timezone

Texts = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(strict=False)]

# What an operator means is far below these, and what a database or a date can hold is far above.
MAX_SECONDS = 1_000_000_000
MAX_COUNT = 1_000_000_000
MAX_USD = 1_000_000_000
MAX_DAYS = 36_500

Seconds = Annotated[float, Field(gt=0, le=MAX_SECONDS, allow_inf_nan=False)]
SecondsOrNone = Annotated[float, Field(ge=0, le=MAX_SECONDS, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=MAX_COUNT)]
CountOrNone = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Timezone = Annotated[str, AfterValidator(known_timezone)]

# The loop that takes over a dead replica's turns must find them within 30 s of its last heartbeat.
MAX_LEASE_S = 25.0


class Section(BaseModel):
    """A table of known keys: anything else in it is an error, and so is a value of another type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ClaudeSettings(Section):
    """Which models answer, and how."""

    model: str = Field("claude-sonnet-5-5", min_length=1)
    fallback_models: Texts = ("claude-haiku-5-5",)
    selectable_models: Texts = ()
    effort: Effort = "low"
    thinking: Literal["auto", "adaptive", "between_tools", "disabled"] = "auto"
    max_output_tokens: Count = 4096
    cache_ttl: CacheTtl = "5m"
    system_prompt: str = (
        "You are a helpful colleague in a team chat. Answer in the language you are asked in. "
        "Lead with the answer and keep it short. Use Markdown where it helps. "
        "Say so when you do not know."
    )
    turn_deadline_s: Seconds = 180.0
    max_attempts: Count = 4
    outage_patience_s: SecondsOrNone = 900.0
    max_concurrency: Count = 50

    @property
    def models(self) -> tuple[str, ...]:
        """The model and its fallbacks in the order they are tried, each once."""
        return tuple(dict.fromkeys((self.model, *self.fallback_models)))

    @property
    def allowed_models(self) -> tuple[str, ...]:
        """Those, and the others that people may choose."""
        return tuple(dict.fromkeys((*self.models, *self.selectable_models)))


class ContextSettings(Section):
    """What Claude is given to read."""

    max_input_tokens: Annotated[int, Field(ge=100, le=MAX_COUNT)] = 60_000
    max_attachments: CountOrNone = 20
    max_image_bytes: CountOrNone = 5_000_000
    max_pdf_bytes: CountOrNone = 20_000_000
    max_text_bytes: CountOrNone = 200_000


class ThreadsSettings(Section):
    """When the bot answers in a thread it is part of."""

    followups: Literal["auto", "mention", "always"] = "auto"


class LimitsSettings(Section):
    """How many turns a channel may start."""

    channel_messages: Count = 20
    channel_per_s: Seconds = 60.0
    on_limit: Literal["queue", "reject"] = "queue"
    max_wait_s: Seconds = 3600.0


class CacheSettings(Section):
    """Whether the same question is answered from the database."""

    answers: bool = True
    max_age_s: Seconds = 86_400.0


class RepliesSettings(Section):
    """What stands around an answer."""

    footer: bool = False
    buttons: bool = True


class SlackSettings(Section):
    """How events come from Slack."""

    mode: Literal["socket", "http"] = "socket"

    @computed_field  # type: ignore[prop-decorator]  # as pydantic's documentation has it
    @property
    def bot_scopes(self) -> tuple[str, ...]:
        """What the app's manifest asks for; no setting, but the adapter wants to know it."""
        return bot_scopes()


class DiscordSettings(Section):
    """How the bot answers on Discord."""

    threads: bool = False


class EngineSettings(Section):
    """The machinery; its defaults suit nearly everybody."""

    max_active_turns: Count = 1000
    max_pending: Count = 10_000
    max_deliveries: Count = 5
    lease_s: Annotated[float, Field(gt=0, le=MAX_LEASE_S)] = 15.0
    heartbeat_s: Seconds = 5.0
    poll_s: Seconds = 2.0
    shutdown_s: Annotated[float, Field(gt=0, le=7)] = 6.0
    catch_up_max_age_s: SecondsOrNone = 86_400.0
    database_connections: Count = 10

    @model_validator(mode="after")
    def _heart_beats_in_time(self) -> "EngineSettings":
        if self.heartbeat_s * 2 > self.lease_s:
            raise ValueError(
                f"heartbeat_s ({self.heartbeat_s:g}) is more than half of lease_s ({self.lease_s:g})"
                ", so one late heartbeat would lose every turn; lower heartbeat_s or raise lease_s"
            )
        return self


class RetentionSettings(Section):
    """How long texts are kept."""

    text_days: Annotated[int, Field(ge=0, le=MAX_DAYS)] = 365
    inbox_days: Annotated[int, Field(ge=1, le=MAX_DAYS)] = 30


class LogsSettings(Section):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "human", "json"] = "auto"


class TelemetrySettings(Section):
    """Where traces go."""

    otlp_endpoint: HttpUrlOrEmpty = Field("", repr=False)  # it may hold a password
    propagate_traceparent: bool = False


class WebSettings(Section):
    """What the operator's pages show."""

    show_text: bool = False


class ToolsSettings(Section):
    """How far Claude may go with tools in one answer."""

    max_rounds: Count = 8
    max_cost_usd: Annotated[float, Field(gt=0, le=MAX_USD, allow_inf_nan=False)] = 1.0
    max_result_chars: Annotated[int, Field(ge=100, le=MAX_COUNT)] = 20_000
    confirm_s: Seconds = 120.0


class PluginHostSettings(Section):
    """Where plugins come from, and what is asked of them."""

    folder: str = "data/plugins"
    allow: Texts = ("*",)
    block_s: Annotated[float, Field(ge=0.5, le=MAX_SECONDS, allow_inf_nan=False)] = 2.0


class OperatorsSettings(Section):
    """Those who run the bot."""

    timezone: Timezone = "UTC"
    admins: Texts = ()
    channel: ChannelKeyOrEmpty = ""
    anomalies: bool = False

    @model_validator(mode="after")
    def _somewhere_to_tell(self) -> "OperatorsSettings":
        if self.anomalies and not self.channel:
            raise ValueError(
                'anomalies = true needs a channel to tell them in; set channel = "slack:C01"'
            )
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which days, weeks and months begin."""
        return ZoneInfo(self.timezone)


class CatalogueSettings(Section):
    """A catalogue of models and prices of the operator's own."""

    file: str = ""
    mode: Literal["extend", "replace"] = "extend"
