"""What no single key can tell: whether the settings go together, and whether the models are there."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import get_args

from config.model import Effort, Model
from config.overrides import PROCESS_WIDE, Overrides
from config.phrases import shown
from config.problems import Problem, SettingPath, did_you_mean
from config.sections import ClaudeSettings
from config.settings import Settings
from config.sources import Sources

RETIREMENT_NOTICE = timedelta(days=30)

_SECONDS_PER_DAY = 86_400
_EFFORTS: tuple[str, ...] = get_args(Effort)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the value at a path; a warning does not keep the bot from starting."""

    path: SettingPath
    what: str
    remedy: str
    warning: bool = False

    def problem(self, sources: Sources) -> Problem:
        """The finding at the place where the value stands."""
        where, key = sources.where(self.path), sources.key(self.path)
        return Problem(where, key, self.what, self.remedy)


def model_findings(settings: Settings, today: date) -> Iterator[Finding]:
    """What is found about the models of each section `claude` in force, on a day in UTC.

    What a workspace or channel merely inherits is told once, where it is written.
    """
    told: set[tuple[SettingPath, str]] = set()
    for scope, claude, given in _claude_sections(settings):
        for finding in _of_claude(claude, settings, today):
            key = (finding.path, finding.what)
            if key not in told or finding.path[-1] in given:
                told.add(key)
                path = (*scope, *finding.path) if finding.path[0] == "claude" else finding.path
                yield Finding(path, finding.what, finding.remedy, finding.warning)


def general_findings(settings: Settings) -> Iterator[Finding]:
    """What is found without a look at the models."""
    yield from _process_wide(settings)
    yield from _memory(settings)


def _claude_sections(
    settings: Settings,
) -> Iterator[tuple[SettingPath, ClaudeSettings, Collection[str]]]:
    """The section that holds everywhere, and those of workspaces and channels as they are in force,
    with the keys that are written there."""
    yield (), settings.claude, ()
    for key, overrides in settings.workspaces.items():
        effective = settings.for_channel(channel_key="", workspace_key=key)
        yield ("workspaces", key), effective.claude, _given(overrides)
    for key, overrides in settings.channels.items():
        workspace_key, _, _ = key.rpartition(":")
        effective = settings.for_channel(channel_key=key, workspace_key=workspace_key)
        yield ("channels", key), effective.claude, _given(overrides)


def _given(overrides: Overrides) -> Collection[str]:
    return overrides.claude.model_fields_set if overrides.claude else ()


def _of_claude(claude: ClaudeSettings, settings: Settings, today: date) -> Iterator[Finding]:
    yield from _fits(claude, settings)
    for model_id in claude.allowed_models:
        path = ("claude", _key_of(model_id, claude))
        model = settings.models.get(model_id)
        if model is None:
            remedy = did_you_mean(model_id, settings.models.ids, otherwise=_choose(settings, today))
            yield Finding(path, f"{shown(model_id)} is not a known model", remedy)
        elif model.is_retired_on(today):
            yield Finding(
                path, f'"{model_id}" retired on {model.retires_on}', _choose(settings, today)
            )
        else:
            yield from _of_model(model, path, claude, settings, today)


def _key_of(model_id: str, claude: ClaudeSettings) -> str:
    if model_id == claude.model:
        return "model"
    return "fallback_models" if model_id in claude.fallback_models else "selectable_models"


def _choose(settings: Settings, today: date) -> str:
    there = [model.id for model in settings.models if not model.is_retired_on(today)][:3]
    return f"choose one such as {', '.join(there)}, or describe it in a catalogue of your own"


def _of_model(
    model: Model, path: SettingPath, claude: ClaudeSettings, settings: Settings, today: date
) -> Iterator[Finding]:
    if claude.thinking != "auto" and model.thinking_types:
        yield from _thinks(model, claude)
    if model.is_retired_on(today + RETIREMENT_NOTICE):
        what = f'"{model.id}" retires on {model.retires_on}'
        yield Finding(path, what, "change to another model before that day", warning=True)
    price = model.price_at(datetime.combine(today, time(), UTC))
    prompt_tokens, ttl = settings.context.max_input_tokens, claude.cache_ttl
    if price is None or price.worst_case_nanousd(prompt_tokens, 1, cache_ttl=ttl) is None:
        what = (
            f'the price of "{model.id}" is not known, so its cost is not and no budget can hold it'
        )
        yield Finding(path, what, "add the price to a catalogue of your own", warning=True)


def _fits(claude: ClaudeSettings, settings: Settings) -> Iterator[Finding]:
    """Prompt and answer fit into each model that may be asked; the tightest one is told."""
    models = [model for model in map(settings.models.get, claude.allowed_models) if model]
    writer = min(models, key=lambda model: model.max_output_tokens, default=None)
    if writer and claude.max_output_tokens > writer.max_output_tokens:
        what = f"{claude.max_output_tokens} is more than {writer.id} writes"
        remedy = f"set it to {writer.max_output_tokens} or less"
        yield Finding(("claude", "max_output_tokens"), what, remedy)
        return
    reader = min(models, key=lambda model: model.context_window_tokens, default=None)
    room = reader.context_window_tokens - claude.max_output_tokens if reader else 0
    if reader and settings.context.max_input_tokens > room:
        what = f"{settings.context.max_input_tokens} does not fit into the window of {reader.id}"
        yield Finding(("context", "max_input_tokens"), what, f"set it to {room} or less")


def _thinks(model: Model, claude: ClaudeSettings) -> Iterator[Finding]:
    if claude.thinking not in model.thinking_types:
        taken = " or ".join(f'"{kind}"' for kind in ("auto", *model.thinking_types))
        what = f'{model.id} does not take "{claude.thinking}"'
        yield Finding(("claude", "thinking"), what, f"choose {taken}")
        return
    limit = model.disabled_thinking_max_effort
    too_hard = limit is not None and _EFFORTS.index(claude.effort) > _EFFORTS.index(limit)
    if claude.thinking == "disabled" and too_hard:
        what = f'{model.id} takes thinking = "disabled" up to effort "{limit}" alone'
        yield Finding(("claude", "effort"), what, f'choose "{limit}" or less, or thinking = "auto"')


def _process_wide(settings: Settings) -> Iterator[Finding]:
    tables = (("workspaces", settings.workspaces), ("channels", settings.channels))
    for name, table in tables:
        for scope, overrides in table.items():
            for key in sorted(PROCESS_WIDE.intersection(_given(overrides))):
                yield Finding(
                    (name, scope, "claude", key),
                    "holds for the whole process and can't differ here",
                    "set it in [claude] alone",
                )


def _memory(settings: Settings) -> Iterator[Finding]:
    """Duplicates are known by the inbox: it must remember at least as long as missed messages are
    fetched for, or they would be answered twice."""
    catch_up_s = settings.engine.catch_up_max_age_s
    if settings.retention.inbox_days * _SECONDS_PER_DAY < catch_up_s:
        yield Finding(
            ("retention", "inbox_days"),
            f"{settings.retention.inbox_days} days are less than [engine] catch_up_max_age_s"
            f" ({catch_up_s:g} s), so that messages would be answered twice",
            "raise it, or lower catch_up_max_age_s",
        )
