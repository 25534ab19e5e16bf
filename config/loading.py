"""Reading the settings: the file, the environment and `.env`, checked before anything starts."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import InitSettingsSource

from config.catalogue import Catalogue
from config.checks import general_findings, model_findings
from config.credentials import half_configured
from config.override_variables import NOT_IN_FILE
from config.phrases import path_of, problems_of
from config.problems import Problem, SettingPath, SettingsError
from config.settings import Settings
from config.sources import Sources, read_sources


def load_settings(environ: Mapping[str, str], cwd: Path, *, today: date | None = None) -> Settings:
    """The settings in force, from these sources, each stronger than the one before:

    1. the defaults (`config/defaults.toml` shows them all);
    2. the TOML file that `PARLEY_CONFIG` names, or else `parley.toml` in `cwd` if it is there;
    3. `.env` in `cwd`, for the variables of `config/.env.example` alone, which no TOML file holds;
    4. the environment: the same variables, and `PARLEY_SECTION__KEY` for any key of a section.

    So a variable that is set beats both files, as an operator expects who sets it for one run; an
    empty one counts as not set. `today` (a day in UTC, by default the machine's) is what prices and
    retirements are checked on. Missing credentials are no error here, since many commands need
    none: see `config.credentials`.

    Raises:
        SettingsError: its text has one line for every problem found, in all sources at once.
    """
    sources = read_sources(environ, cwd, Settings)
    settings, problems = _validated(sources, Catalogue.shipped())
    found = list(general_findings(settings))
    try:
        settings = settings.model_copy(update={"models": _models(settings, sources, cwd)})
        found = [*model_findings(settings, today or datetime.now(UTC).date()), *found]
    except SettingsError as error:
        problems.extend(error.problems)
    told = [(finding.warning, finding.problem(sources)) for finding in found]
    problems.extend(problem for warning, problem in told if not warning)
    if sources.problems or problems:
        raise SettingsError([*sources.problems, *problems])
    noted = [problem for warning, problem in told if warning] + half_configured(settings)
    return settings.model_copy(
        update={
            "origins": sources.origins(),
            "warnings": (*sources.warnings, *map(str, noted)),
        }
    )


def _validated(sources: Sources, shipped: Catalogue) -> tuple[Settings, list[Problem]]:
    """The settings, and what had to be left out of them because it is wrong: leaving it out lets
    the rest be checked, so that an operator sees all problems at once."""
    problems: list[Problem] = []
    tables = [layer.values for layer in sources.layers] + [{"models": shipped}]
    while True:
        inits = tuple(InitSettingsSource(Settings, table) for table in tables)
        try:
            return Settings(_build_sources=(inits, {})), problems
        except ValidationError as error:
            errors = error.errors()
            problems += problems_of(
                errors, model=Settings, where=sources.where, key=sources.key, silent=_is_private
            )
            dropped = [layer.drop(path_of(e)) for e in errors for layer in sources.layers]
            if not any(dropped):
                raise SettingsError([*sources.problems, *problems]) from None


def _models(settings: Settings, sources: Sources, cwd: Path) -> Catalogue:
    """The shipped catalogue, extended or replaced by the operator's. A relative path counts from
    the file that names it."""
    named = settings.catalogue.file
    if not named:
        return settings.models
    in_file = sources.origins()["catalogue", "file"].source == "file"
    folder = sources.file_path.parent if in_file and sources.file_path else cwd
    path = folder / Path(named).expanduser()
    own = Catalogue.load(
        path, name=str(path.relative_to(cwd)) if path.is_relative_to(cwd) else None
    )
    return own if settings.catalogue.mode == "replace" else settings.models.extended_by(own)


def _is_private(path: SettingPath) -> bool:
    return bool(path) and path[0] in ("plugins", *NOT_IN_FILE)
