"""The files that operators copy agree with what is read."""

import re
import tomllib
from pathlib import Path

import pytest

import config
from config import Catalogue, Settings, load_settings
from config.environment import VARIABLES
from config.override_variables import NOT_IN_FILE
from config.shape import key_paths
from config.toml_file import leaves
from tests.unit.config_home import TODAY, OperatorsHome

FOLDER = Path(config.__file__).parent
DEFAULTS = FOLDER / "defaults.toml"
# Free tables and lists of tables: shown as examples, since there are none by default.
EXAMPLES_ONLY = {("budgets",), ("workspaces",), ("channels",), ("plugins",)}


def test_the_defaults_file_shows_every_key_and_no_other() -> None:
    """What is not in the file can't be found; what is in it must be read."""
    shown = {path for path, _ in leaves(tomllib.loads(DEFAULTS.read_text(encoding="utf-8")))}
    sections = {path for path in key_paths(Settings) if path[0] not in NOT_IN_FILE}
    lists = {("reports",)}
    assert {path for path in shown if path[0] != "reports"} == sections - EXAMPLES_ONLY - lists
    assert ("reports", 0, "name") in shown


def test_the_defaults_file_says_the_values_that_hold_without_it(tmp_path: Path) -> None:
    """Copying it whole changes nothing."""
    copied = load_settings({"PARLEY_CONFIG": str(DEFAULTS)}, tmp_path, today=TODAY)
    untouched = Settings()
    for name in Settings.model_fields:
        if name not in NOT_IN_FILE:
            assert getattr(copied, name) == getattr(untouched, name), name


def test_the_examples_in_the_defaults_file_work(tmp_path: Path) -> None:
    """Every example, uncommented, is accepted and has an effect."""
    text = re.sub(r"^#(?=\S)", "", DEFAULTS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    settings = OperatorsHome(tmp_path).settings(text)
    assert len(settings.budgets) == 2
    assert settings.budgets[0].limit_nanousd == 50_000_000_000
    assert settings.channels["slack:C0123456789"].limits is not None
    assert settings.workspaces["slack:T0123456789"].claude is not None
    assert settings.plugins["weather"]["units"] == "metric"


def test_each_key_of_the_defaults_file_is_explained() -> None:
    """A section's keys follow a comment, so that nobody has to guess."""
    text = DEFAULTS.read_text(encoding="utf-8")
    for section in text.split("\n[")[1:]:
        body = section.partition("]")[2]
        before = text.partition(f"\n[{section}")[0].splitlines()[-1]
        assert "#" in body or before.startswith("#"), section


def test_the_environments_example_names_what_is_read_and_nothing_else() -> None:
    """Each variable once; filled in or not."""
    text = (FOLDER / ".env.example").read_text(encoding="utf-8")
    names = re.findall(r"^([A-Z_]+)=", text, flags=re.MULTILINE)
    assert sorted(names) == sorted(VARIABLES)


def test_the_environments_example_can_be_used_as_it_is(tmp_path: Path) -> None:
    """Copying it without filling it in gives the defaults."""
    home = OperatorsHome(tmp_path)
    home.write(".env", (FOLDER / ".env.example").read_text(encoding="utf-8"))
    settings = home.settings()
    assert settings.environment == Settings().environment
    assert settings.secrets == Settings().secrets


@pytest.mark.parametrize(
    "name",
    [
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_BASE_URL",
        "SLACK_BOT_TOKEN",
        "SLACK_APP_TOKEN",
        "SLACK_SIGNING_SECRET",
        "SLACK_API_URL",
        "DISCORD_TOKEN",
        "DISCORD_API_URL",
        "DATABASE_URL",
        "PARLEY_CONFIG",
        "PARLEY_HTTP",
    ],
)
def test_the_promised_variables_are_read(name: str) -> None:
    """These names are public; scripts rely on them."""
    assert name in VARIABLES


def test_the_default_models_are_in_the_shipped_catalogue_with_a_price(tmp_path: Path) -> None:
    """A fresh installation starts without a warning."""
    settings = OperatorsHome(tmp_path).settings()
    assert settings.warnings == ()
    assert settings.claude.models == ("claude-sonnet-5-5", "claude-haiku-5-5")
    for model_id in settings.claude.models:
        assert Catalogue.shipped().get(model_id) is not None


def test_a_weekly_report_is_there_whatever_else_is_configured(tmp_path: Path) -> None:
    """Sent to nobody until somebody is named; the operator's own takes its place."""
    home = OperatorsHome(tmp_path)
    [weekly] = home.settings().reports
    assert (weekly.name, weekly.period, weekly.day, weekly.to) == ("weekly", "week", "mon", ())
    named = home.settings('[[reports]]\nname = "daily"\nperiod = "day"\n').reports
    assert [report.name for report in named] == ["daily", "weekly"]
    [own] = home.settings('[[reports]]\nname = "weekly"\nday = "fri"\nto = ["slack:C1"]\n').reports
    assert (own.day, own.to) == ("fri", ("slack:C1",))


def test_a_report_without_a_zone_goes_by_the_operators(tmp_path: Path) -> None:
    """One key moves all of them."""
    settings = OperatorsHome(tmp_path).settings(
        '[operators]\ntimezone = "Asia/Tokyo"\n'
        '[[reports]]\nname = "weekly"\n[[reports]]\nname = "eu"\ntimezone = "Europe/Paris"\n'
    )
    zones = [report.zone(settings.operators.zone).key for report in settings.reports]
    assert zones == ["Asia/Tokyo", "Europe/Paris"]


@pytest.mark.parametrize(
    ("variable", "given", "read"),
    [
        ("PARLEY_HTTP", "0.0.0.0:80", "0.0.0.0:80"),
        ("PARLEY_HTTP", "[::1]:8080", "[::1]:8080"),
        ("PARLEY_HTTP", "localhost:0", "localhost:0"),
        ("SLACK_API_URL", "http://127.0.0.1:9/api", "http://127.0.0.1:9/api/"),
        ("DISCORD_API_URL", "http://127.0.0.1:9/api/v10/", "http://127.0.0.1:9/api/v10"),
        ("DATABASE_URL", "postgres://h/d", "postgresql://h/d"),
        ("DATABASE_URL", "sqlite:////var/lib/parley.db", "sqlite:////var/lib/parley.db"),
        ("ANTHROPIC_BASE_URL", "http://127.0.0.1:9", "http://127.0.0.1:9"),
    ],
)
def test_addresses_are_read_as_people_write_them(
    tmp_path: Path, variable: str, given: str, read: str
) -> None:
    """A slash too many or too few is no reason to refuse."""
    home = OperatorsHome(tmp_path, {variable: given})
    section, key = VARIABLES[variable]
    assert str(getattr(getattr(home.settings(), section), key)) == read
