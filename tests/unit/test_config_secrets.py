"""Secrets never show, and missing ones are told."""

import json
from pathlib import Path

import pytest

from config import Settings, SettingsError, configured_platforms, require_credentials
from config.listing import entries
from tests.unit.config_home import OperatorsHome

SECRETS = {
    "ANTHROPIC_API_KEY": "sk-ant-hush-1",
    "SLACK_BOT_TOKEN": "xoxb-hush-2",
    "SLACK_APP_TOKEN": "xapp-hush-3",
    "SLACK_SIGNING_SECRET": "hush-4",
    "DISCORD_TOKEN": "hush-5",
    "DATABASE_URL": "postgresql://parley:hush%2D6@db.example/parley",
    "ANTHROPIC_BASE_URL": "http://user:hush-7@proxy.example",
    "PARLEY_PLUGINS__WEATHER__API_KEY": "hush-8",
    "PARLEY_TELEMETRY__OTLP_ENDPOINT": "http://user:hush-9@traces.example",
}
TOML = """
[[plugins.mcp.servers]]
name = "one"
token = "hush-10"
[plugins.mcp.credentials]
user = "hush-11"
[plugins.mail]
greeting = "sk-ant-hush-12"
"""


@pytest.fixture
def home(tmp_path: Path) -> OperatorsHome:
    return OperatorsHome(tmp_path)


@pytest.fixture
def settings(home: OperatorsHome) -> Settings:
    home.environ.update(SECRETS)
    return home.settings(TOML)


def test_no_secret_is_in_the_listing(settings: Settings) -> None:
    """`parley config show` may be pasted into a ticket."""
    listed = json.dumps([(e.key, e.value, e.origin) for e in entries(settings)])
    assert "hush" not in listed
    assert '"ANTHROPIC_API_KEY", "set (hidden)"' in listed
    assert "postgresql://parley:***@db.example/parley" in listed
    assert '"plugins.mcp.servers[0].name", "one"' in listed


def test_no_secret_is_in_what_python_prints(settings: Settings) -> None:
    """Neither the whole nor its parts give one away in a log line or a traceback."""
    key = settings.secrets.anthropic_api_key
    assert key is not None
    assert key.get_secret_value() == "sk-ant-hush-1"
    parts = (settings, str(settings), key, settings.secrets, settings.environment, settings.origins)
    printed = [repr(part) for part in parts]
    assert not [text for text in printed if "hush" in text]


def test_logs_can_be_cleaned_of_every_secret(settings: Settings) -> None:
    """Passwords within addresses too, as written and as sent."""
    values = settings.secret_values()
    assert {"sk-ant-hush-1", "xoxb-hush-2", "xapp-hush-3", "hush-4", "hush-5"} <= set(values)
    assert {"hush%2D6", "hush-6", "hush-7", "hush-9"} <= set(values)


def test_no_secret_is_in_a_complaint(home: OperatorsHome) -> None:
    """However wrong it is, and wherever it was put."""
    home.environ.update({name: f"{value} \u00e9" for name, value in SECRETS.items()})
    home.environ["DATABASE_URL"] = "hush://hush:hush@hush"
    home.environ["ANTHROPIC_BASE_URL"] = "hush:hush@hush"
    home.environ["SLACK_API_URL"] = "http://hush:hush@hush"
    home.environ["PARLEY_CLAUDE__MODEL"] = "sk-ant-hush"
    home.environ["PARLEY_CLAUDE__EFFORT"] = "xoxb-hush"
    lines = home.complaints(
        '[claude]\napi_key = "hush"\nthinking = "xapp-hush"\n[plugins]\nweather = "hush"\n'
    )
    assert len(lines) == 13
    assert not [line for line in lines if "hush" in line]


def test_settings_are_not_changed_by_accident(settings: Settings) -> None:
    """They are read once and shared by everything."""
    with pytest.raises(ValueError, match="frozen"):
        settings.claude.model = "other"  # type: ignore[misc]  # the point
    with pytest.raises(ValueError, match="frozen"):
        settings.claude = settings.claude  # type: ignore[misc]  # the point


@pytest.mark.parametrize(
    ("names", "toml", "platforms"),
    [
        ((), "", ()),
        (("DISCORD_TOKEN",), "", ("discord",)),
        (("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"), "", ("slack",)),
        (("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET"), "", ()),
        (("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET"), '[slack]\nmode = "http"', ("slack",)),
        (("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "DISCORD_TOKEN"), "", ("slack", "discord")),
    ],
)
def test_a_platform_is_configured_when_all_its_tokens_are_there(
    home: OperatorsHome, names: tuple[str, ...], toml: str, platforms: tuple[str, ...]
) -> None:
    """Slack needs the app token for sockets and the signing secret for HTTP."""
    home.environ.update({name: SECRETS[name] for name in names})
    assert configured_platforms(home.settings(toml)) == platforms


def test_what_is_missing_to_run_live_is_told_by_name(home: OperatorsHome) -> None:
    """Each variable, why it is needed, and where to set it."""
    home.environ["SLACK_BOT_TOKEN"] = "xoxb-1"
    settings = home.settings()
    half = (
        "environment: SLACK_APP_TOKEN: is missing while SLACK_BOT_TOKEN is set, so slack can't be "
        "started; set it in the environment or in .env"
    )
    assert settings.warnings == (half,)
    with pytest.raises(SettingsError) as raised:
        require_credentials(settings)
    assert str(raised.value).splitlines() == [
        (
            "environment: ANTHROPIC_API_KEY: is missing, and without it Claude can't be asked; set it in "
            "the environment or in .env"
        ),
        half,
    ]


def test_nothing_is_missing_when_claudes_key_is_there(home: OperatorsHome) -> None:
    """Which platforms are started is another question."""
    home.environ["ANTHROPIC_API_KEY"] = SECRETS["ANTHROPIC_API_KEY"]
    require_credentials(home.settings())


def test_swapped_tokens_of_slack_are_noticed(home: OperatorsHome) -> None:
    """Each begins with what it is; the message says where it belongs, and not what it is."""
    home.environ.update(SLACK_BOT_TOKEN="xapp-hush-2", SLACK_APP_TOKEN="xoxb-hush-3")
    told = "\n".join(home.complaints())
    assert "SLACK_BOT_TOKEN: is an app-level token; put it into SLACK_APP_TOKEN" in told
    assert "SLACK_APP_TOKEN: is a bot's token; put it into SLACK_BOT_TOKEN" in told
    assert "hush" not in told
