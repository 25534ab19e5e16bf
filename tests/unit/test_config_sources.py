"""Where settings come from, and which source wins."""

import json
from pathlib import Path

import pytest

from config import Settings, load_settings
from config.listing import entries
from tests.unit.config_home import OperatorsHome


@pytest.fixture
def home(tmp_path: Path) -> OperatorsHome:
    return OperatorsHome(tmp_path)


def origin(settings: Settings, *path: str) -> str:
    return str(settings.origin_of(path))


def test_without_files_and_variables_everything_has_its_default(home: OperatorsHome) -> None:
    """An empty folder is enough to read settings."""
    settings = home.settings()
    assert settings.claude.model == "claude-sonnet-5-5"
    assert settings.environment.database_url == "sqlite:///data/parley.db"
    assert str(settings.environment.http) == "127.0.0.1:8080"
    assert settings.secrets.anthropic_api_key is None
    assert origin(settings, "claude", "model") == "default"
    assert settings.warnings == ()


def test_the_file_beats_the_default_and_says_its_line(home: OperatorsHome) -> None:
    """`parley.toml` in the folder is found by itself."""
    settings = home.settings('# ours\n[claude]\n\nmodel = "claude-opus-5-5"\n')
    assert settings.claude.model == "claude-opus-5-5"
    assert origin(settings, "claude", "model") == "parley.toml:4"
    assert origin(settings, "claude", "effort") == "default"


def test_a_variable_beats_the_file_and_says_its_name(home: OperatorsHome) -> None:
    """What is set for one run holds, whatever the file says."""
    home.environ["PARLEY_CLAUDE__MODEL"] = "claude-haiku-5-5"
    settings = home.settings('[claude]\nmodel = "claude-opus-5-5"\neffort = "high"\n')
    assert settings.claude.model == "claude-haiku-5-5"
    assert settings.claude.effort == "high"
    assert origin(settings, "claude", "model") == "environment (PARLEY_CLAUDE__MODEL)"
    assert origin(settings, "claude", "effort") == "parley.toml:3"


@pytest.mark.parametrize(
    ("variable", "text", "section", "key", "value"),
    [
        ("PARLEY_LIMITS__CHANNEL_MESSAGES", "50", "limits", "channel_messages", 50),
        ("PARLEY_LIMITS__CHANNEL_PER_S", "0.5", "limits", "channel_per_s", 0.5),
        ("PARLEY_REPLIES__FOOTER", "True", "replies", "footer", True),
        ("PARLEY_CACHE__ANSWERS", "false", "cache", "answers", False),
        ("PARLEY_CLAUDE__SYSTEM_PROMPT", "5", "claude", "system_prompt", "5"),
        ("PARLEY_CLAUDE__SYSTEM_PROMPT", '"Hi"', "claude", "system_prompt", '"Hi"'),
        (
            "PARLEY_CLAUDE__FALLBACK_MODELS",
            '["claude-opus-5-5", "claude-haiku-5-5"]',
            "claude",
            "fallback_models",
            ("claude-opus-5-5", "claude-haiku-5-5"),
        ),
        ("PARLEY_CLAUDE__FALLBACK_MODELS", "[]", "claude", "fallback_models", ()),
    ],
)
def test_a_variable_is_read_as_its_key_wants_it(
    home: OperatorsHome, variable: str, text: str, section: str, key: str, value: object
) -> None:
    """Texts as they are, all else as TOML would have it."""
    home.environ[variable] = text
    assert getattr(getattr(home.settings(), section), key) == value


def test_dotenv_gives_what_the_environment_lacks(home: OperatorsHome) -> None:
    """A variable that is set wins; one that is empty counts as not set."""
    home.write(
        ".env",
        """
        # secrets
        ANTHROPIC_API_KEY='from $FILE'  # not this
        DISCORD_TOKEN=from-file

        export DATABASE_URL="sqlite:///file.db"
        """.replace("from $FILE", "from$FILE"),
    )
    home.environ.update({"DISCORD_TOKEN": "from-environment", "DATABASE_URL": " "})
    settings = home.settings()
    assert settings.secrets.anthropic_api_key is not None
    assert settings.secrets.anthropic_api_key.get_secret_value() == "from$FILE"
    assert settings.secrets.discord_token is not None
    assert settings.secrets.discord_token.get_secret_value() == "from-environment"
    assert settings.environment.database_url == "sqlite:///file.db"
    assert origin(settings, "secrets", "anthropic_api_key") == ".env:3"
    assert origin(settings, "secrets", "discord_token") == "environment (DISCORD_TOKEN)"
    assert origin(settings, "environment", "database_url") == ".env:6"


def test_dotenv_does_not_set_keys_of_the_file(home: OperatorsHome) -> None:
    """It is for secrets and addresses; other programs may keep theirs in it too."""
    home.write(".env", "PARLEY_CLAUDE__MODEL=claude-opus-5-5\nPGPASSWORD=x\n")
    assert home.settings().claude.model == "claude-sonnet-5-5"


def test_parley_config_names_another_file(home: OperatorsHome) -> None:
    """Relative to the folder, and instead of `parley.toml`."""
    home.write("parley.toml", "[replies]\nfooter = true\n")
    home.write("conf/team.toml", '[claude]\neffort = "medium"\n')
    home.environ["PARLEY_CONFIG"] = "conf/team.toml"
    settings = home.settings()
    assert (settings.claude.effort, settings.replies.footer) == ("medium", False)
    assert origin(settings, "claude", "effort") == "conf/team.toml:2"


def test_a_catalogue_is_found_beside_the_file_that_names_it(home: OperatorsHome) -> None:
    """Its models are added to those that come with Parley."""
    home.write(
        "conf/models.toml",
        """
        [[models]]
        id = "acme-1"
        context_window_tokens = 100_000
        max_output_tokens = 8_000
        min_cacheable_tokens = 1024
        """,
    )
    home.write("conf/team.toml", '[claude]\nmodel = "acme-1"\n[catalogue]\nfile = "models.toml"\n')
    home.environ["PARLEY_CONFIG"] = "conf/team.toml"
    settings = home.settings()
    assert settings.models.get("acme-1") is not None
    assert settings.models.get("claude-haiku-5-5") is not None
    [warning] = settings.warnings
    assert warning.startswith(
        'conf/team.toml:2: claude.model: the price of "acme-1" is not known, so its cost is not'
    )


def test_a_catalogue_named_by_a_variable_counts_from_the_folder(home: OperatorsHome) -> None:
    """And in `replace` mode its models are the only ones."""
    home.write("own/models.toml", "models = []\n")
    home.environ["PARLEY_CATALOGUE__FILE"] = "own/models.toml"
    assert home.complaints() == []
    lines = home.complaints('[catalogue]\nmode = "replace"\n')
    assert lines[0].startswith('defaults: claude.model: "claude-sonnet-5-5" is not a known model')


def test_kubernetes_may_set_variables_of_its_own(home: OperatorsHome) -> None:
    """A service called parley puts such variables into every container beside it."""
    home.environ.update({"PARLEY_PORT": "tcp://10.0.0.1:80", "PARLEY_SERVICE_HOST": "10.0.0.1"})
    assert home.settings().warnings == ()


@pytest.mark.parametrize(
    ("name", "meant"), [("DISCORD_BOT_TOKEN", "DISCORD_TOKEN"), ("PARLEY_HTPP", "PARLEY_HTTP")]
)
def test_a_misspelt_variable_is_pointed_out(home: OperatorsHome, name: str, meant: str) -> None:
    """It would otherwise be silently without effect."""
    home.environ[name] = "x"
    assert home.settings().warnings == (
        f"environment: {name}: is not read by Parley; did you mean {meant}?",
    )
    home.environ.clear()
    home.write(".env", f"{name}=x\n")
    assert home.settings().warnings[0].startswith(f".env:1: {name}: is not read")


def test_the_process_is_not_looked_at_behind_the_callers_back(
    home: OperatorsHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables and folder are those that are passed in, and no others."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-of-the-process")
    monkeypatch.setenv("CLAUDE", "{}")
    monkeypatch.chdir(home.folder)
    home.write(".env", "DISCORD_TOKEN=x\n")
    elsewhere = home.folder / "empty"
    elsewhere.mkdir()
    assert load_settings({}, elsewhere).secrets == Settings().secrets


def test_plugins_get_their_tables_as_they_are(home: OperatorsHome) -> None:
    """Their keys are checked by the plugins themselves; variables can hold their secrets."""
    home.environ["PARLEY_PLUGINS__WEATHER__API_KEY"] = "hush"
    settings = home.settings('[plugins.weather]\nunits = "metric"\ncities = ["Oslo"]\n')
    assert settings.plugins == {
        "weather": {"units": "metric", "cities": ["Oslo"], "api_key": "hush"}
    }


def test_the_listing_names_every_value_and_its_source(home: OperatorsHome) -> None:
    """Each key once, as JSON can hold it."""
    home.environ["DATABASE_URL"] = "sqlite:///x.db"
    settings = home.settings(
        """
        [channels."slack:C1".limits]
        channel_messages = 7
        [[budgets]]
        scope = "global"
        period = "day"
        limit_usd = 1.5
        """
    )
    listed = {entry.key: entry for entry in entries(settings)}
    assert len(listed) == len(list(entries(settings)))
    json.dumps([entry.value for entry in listed.values()])
    only_this = [key for key in listed if key.startswith("channels")]
    assert only_this == ['channels."slack:C1".limits.channel_messages']
    found = listed[only_this[0]]
    assert (found.value, found.origin) == (7, "parley.toml:3")
    assert listed["budgets[0].limit_usd"].origin == "parley.toml:7"
    assert listed["DATABASE_URL"].origin == "environment (DATABASE_URL)"
    assert listed["claude.turn_deadline_s"].value == 180
