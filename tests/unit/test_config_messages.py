"""What an operator is told when settings are wrong: place, key, fault and remedy."""

from datetime import date
from pathlib import Path

import pytest

from tests.unit.config_home import OperatorsHome


@pytest.fixture
def home(tmp_path: Path) -> OperatorsHome:
    return OperatorsHome(tmp_path)


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("[claud]", 'parley.toml:1: claud: is not a setting; did you mean "claude"?'),
        (
            "[claude]\nmodle = 1",
            'parley.toml:2: claude.modle: is not a setting; did you mean "model"?',
        ),
        ("[claude]\nzzz = 1", "parley.toml:2: claude.zzz: is not a setting; remove it"),
        ("claude = 5", "parley.toml:1: claude: must be a table of keys, not 5; correct it"),
        (
            "[claude]\nmodel = 5",
            "parley.toml:2: claude.model: must be a text in quotes, not 5; correct it",
        ),
        (
            '[claude]\nmodel = ""',
            'parley.toml:2: claude.model: must be a text that is not empty, not ""; correct it',
        ),
        (
            '[claude]\nfallback_models = "claude-haiku-5-5"',
            (
                'parley.toml:2: claude.fallback_models: must be a list, such as ["a", "b"], not '
                '"claude-haiku-5-5"; correct it'
            ),
        ),
        (
            "[limits]\nchannel_messages = 2.5",
            "parley.toml:2: limits.channel_messages: must be a whole number, not 2.5; correct it",
        ),
        (
            '[limits]\nchannel_messages = "20"',
            'parley.toml:2: limits.channel_messages: must be a whole number, not "20"; correct it',
        ),
        (
            "[limits]\nchannel_messages = true",
            "parley.toml:2: limits.channel_messages: must be a whole number, not true; correct it",
        ),
        (
            "[limits]\nchannel_messages = 0",
            "parley.toml:2: limits.channel_messages: must be at least 1, not 0; correct it",
        ),
        (
            "[limits]\nchannel_per_s = -1",
            "parley.toml:2: limits.channel_per_s: must be more than 0, not -1; correct it",
        ),
        (
            "[limits]\nchannel_per_s = inf",
            "parley.toml:2: limits.channel_per_s: must be a finite number, not inf; correct it",
        ),
        (
            "[limits]\nchannel_per_s = 1e300",
            (
                "parley.toml:2: limits.channel_per_s: must be at most 1000000000, not 1e+300; "
                "correct it"
            ),
        ),
        (
            "[limits]\nchannel_messages = 99999999999999999999",
            (
                "parley.toml:2: limits.channel_messages: must be at most 1000000000, not "
                "99999999999999999999; correct it"
            ),
        ),
        (
            '[[budgets]]\nscope = "global"\nperiod = "day"\nlimit_usd = 1e12',
            (
                "parley.toml:4: budgets[0].limit_usd: must be at most 1000000000, not "
                "1000000000000.0; correct it"
            ),
        ),
        (
            '[budgets]\nscope = "global"',
            "parley.toml:1: budgets: is a list of tables; write [[budgets]] in place of [budgets]",
        ),
        (
            '[[reports]]\nname = "weekly"\nday = "funday"',
            (
                'parley.toml:3: reports[0].day: is no day of a report; write day = "mon" to "sun", or '
                "day = 1 to 28"
            ),
        ),
        (
            "[replies]\nfooter = 1",
            "parley.toml:2: replies.footer: must be true or false, not 1; correct it",
        ),
        (
            '[threads]\nfollowups = "never"',
            (
                'parley.toml:2: threads.followups: must be one of "auto", "mention" or "always", not '
                '"never"; correct it'
            ),
        ),
        (
            "[engine]\nlease_s = 26",
            "parley.toml:2: engine.lease_s: must be at most 25, not 26; correct it",
        ),
        (
            "[engine]\nheartbeat_s = 10",
            (
                "parley.toml:1: engine: heartbeat_s (10) is more than half of lease_s (15), so one late "
                "heartbeat would lose every turn; lower heartbeat_s or raise lease_s"
            ),
        ),
        (
            "[retention]\ninbox_days = 1\n[engine]\ncatch_up_max_age_s = 90_000",
            (
                "parley.toml:2: retention.inbox_days: 1 days are less than [engine] catch_up_max_age_s "
                "(90000 s), so that messages would be answered twice; raise it, or lower catch_up_max_age_s"
            ),
        ),
        (
            '[operators]\ntimezone = "Europe/Berln"',
            (
                'parley.toml:2: operators.timezone: "Europe/Berln" is not a known time zone; did you mean '
                '"Europe/Berlin"?'
            ),
        ),
        (
            '[telemetry]\notlp_endpoint = "localhost:4318"',
            (
                "parley.toml:2: telemetry.otlp_endpoint: is not a web address; write it "
                'as "https://host:port"'
            ),
        ),
        (
            '[channels.C1.claude]\nmodel = "claude-opus-5-5"',
            (
                'parley.toml:2: channels.C1: "C1" is not a channel; write it as "platform:channel" or '
                '"platform:workspace:channel": "slack:C01"'
            ),
        ),
        (
            '[workspaces."slack:T1:C1".claude]',
            (
                'parley.toml:1: workspaces."slack:T1:C1": "slack:T1:C1" is not a workspace; write it as '
                '"platform:workspace": "slack:T01"'
            ),
        ),
        (
            '[channels."slack:C1".claude]\nmax_concurrency = 3',
            (
                'parley.toml:2: channels."slack:C1".claude.max_concurrency: holds for the whole process '
                "and can't differ here; set it in [claude] alone"
            ),
        ),
        (
            '[channels."slack:C1".cache]\nanswers = false',
            'parley.toml:1: channels."slack:C1".cache: is not a setting; remove it',
        ),
        (
            "[plugins]\nweather = 5",
            "parley.toml:2: plugins.weather: must be a table of keys; correct it",
        ),
        (
            '[secrets]\nanthropic_api_key = "sk-ant-1"',
            (
                "parley.toml:1: secrets: is not a setting; remove it, and set such values in the "
                "environment or in .env"
            ),
        ),
        (
            "[models]",
            (
                "parley.toml:1: models: is not a setting; remove it, and set such values in the "
                "environment or in .env"
            ),
        ),
        (
            "[claude]\nmax_output_tokens = 200_000",
            (
                "parley.toml:2: claude.max_output_tokens: 200000 is more than claude-sonnet-5-5 writes; "
                "set it to 128000 or less"
            ),
        ),
        (
            "[context]\nmax_input_tokens = 999_999",
            (
                "parley.toml:2: context.max_input_tokens: 999999 does not fit into the window of "
                "claude-sonnet-5-5; set it to 995904 or less"
            ),
        ),
        (
            '[claude]\nthinking = "disabled"',
            (
                'parley.toml:2: claude.thinking: claude-sonnet-5-5 does not take "disabled"; choose "auto" '
                'or "adaptive" or "between_tools"'
            ),
        ),
        (
            '[claude]\nmodel = "claude-haiku-5-5"\nthinking = "disabled"\neffort = "max"',
            (
                'parley.toml:4: claude.effort: claude-haiku-5-5 takes thinking = "disabled" up to effort '
                '"high" alone; choose "high" or less, or thinking = "auto"'
            ),
        ),
        (
            '[catalogue]\nfile = "gone.toml"',
            "gone.toml: can't be read: No such file or directory; check the path and its rights",
        ),
    ],
)
def test_a_wrong_setting_is_told_with_its_place_and_a_remedy(
    home: OperatorsHome, toml: str, message: str
) -> None:
    """One line: file and line, key, what is wrong, what to do."""
    assert home.complaints(toml) == [message]


BUDGET = '[[budgets]]\nscope = "channel"\nperiod = "month"\n'


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        (BUDGET, "parley.toml:1: budgets[0].limit_usd: is missing; add it"),
        (
            BUDGET + "limit_usd = 0",
            "parley.toml:4: budgets[0].limit_usd: must be more than 0, not 0; correct it",
        ),
        (
            BUDGET + 'limit_usd = "much"',
            'parley.toml:4: budgets[0].limit_usd: must be a number, not "much"; correct it',
        ),
        (
            BUDGET + 'limit_usd = 5\nuser = "slack:U1"',
            'parley.toml:1: budgets[0]: user goes with scope = "user" alone; change one of them',
        ),
        (
            '[[budgets]]\nscope = "global"\nperiod = "day"\nlimit_usd = 5\nworkspace = "slack:T1"',
            (
                'parley.toml:1: budgets[0]: scope = "global" is everything; remove workspace, or change '
                "the scope"
            ),
        ),
        (
            '[[reports]]\nname = "a"\nday = 5',
            'parley.toml:1: reports[0]: a weekly report needs a weekday; write day = "mon" or another',
        ),
        (
            '[[reports]]\nname = "a"\nperiod = "month"\nday = "mon"',
            (
                "parley.toml:1: reports[0]: a monthly report needs a day of the month; write day = 1, up "
                "to 28"
            ),
        ),
        (
            '[[reports]]\nname = "a"\nperiod = "day"\nday = "mon"',
            "parley.toml:1: reports[0]: a daily report has no day; remove it",
        ),
        (
            '[[reports]]\nname = "a"\ntime = "25:00"',
            (
                'parley.toml:3: reports[0].time: must be a time of day, such as "09:00", not "25:00"; '
                "correct it"
            ),
        ),
        (
            '[[reports]]\nname = "a"\ntime = "09:00+02:00"',
            (
                "parley.toml:3: reports[0].time: carries an offset; write the local time, and the zone as "
                '"timezone"'
            ),
        ),
        (
            '[[reports]]\nname = "a"\nto = ["general"]',
            (
                'parley.toml:3: reports[0].to[0]: "general" is not a channel; write it as '
                '"platform:channel" or "platform:workspace:channel": "slack:C01"'
            ),
        ),
        (
            '[[reports]]\nname = "A b"',
            (
                'parley.toml:2: reports[0].name: "A b" is not a name; write it as small letters, digits, '
                '"-" and "_", such as "weekly"'
            ),
        ),
        (
            '[[reports]]\nname = "a"\n[[reports]]\nname = "a"',
            'parley.toml:2: reports: two reports are named "a"; give each a name of its own',
        ),
    ],
)
def test_a_wrong_budget_or_report_is_told_likewise(
    home: OperatorsHome, toml: str, message: str
) -> None:
    """Items of a list are counted from 0, and the line says which is meant."""
    assert home.complaints(toml) == [message]


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        (
            "PARLEY_CLAUDE__MODLE",
            "x",
            'PARLEY_CLAUDE__MODLE: sets nothing; did you mean "PARLEY_CLAUDE__MODEL"?',
        ),
        ("PARLEY_SECRETS__DISCORD_TOKEN", "x", "PARLEY_SECRETS__DISCORD_TOKEN: sets nothing; "),
        (
            "PARLEY_LIMITS__CHANNEL_MESSAGES",
            "many",
            (
                "environment (PARLEY_LIMITS__CHANNEL_MESSAGES): limits.channel_messages: must be a whole "
                'number, not "many"; correct it'
            ),
        ),
        (
            "PARLEY_CLAUDE__MODEL",
            "claude-sonet-5-5",
            (
                'environment (PARLEY_CLAUDE__MODEL): claude.model: "claude-sonet-5-5" is not a known '
                'model; did you mean "claude-sonnet-5-5"?'
            ),
        ),
        (
            "PARLEY_HTTP",
            "8080",
            "environment: PARLEY_HTTP: must be host:port; write it as 127.0.0.1:8080 or 0.0.0.0:8080",
        ),
        ("PARLEY_HTTP", "localhost:99999", "environment: PARLEY_HTTP: must be host:port; "),
        (
            "PARLEY_CONFIG",
            "gone.toml",
            "gone.toml: can't be read: No such file or directory; check the path and its rights",
        ),
        (
            "DATABASE_URL",
            "mysql://user:hush@host/db",
            (
                "environment: DATABASE_URL: is not a database this bot knows; write it as "
                "sqlite:///data/parley.db or postgresql://user:password@host/database"
            ),
        ),
        (
            "ANTHROPIC_BASE_URL",
            "localhost:9000",
            "environment: ANTHROPIC_BASE_URL: is not a web address; write it as https://host/path",
        ),
        (
            "SLACK_API_URL",
            "http://127.0.0.1:9000/",
            "environment: SLACK_API_URL: does not end in /api/; write it as https://slack.com/api/",
        ),
        (
            "DISCORD_API_URL",
            "http://127.0.0.1:9000/api",
            (
                "environment: DISCORD_API_URL: does not end in /api/v10; write it as "
                "https://discord.com/api/v10"
            ),
        ),
        (
            "ANTHROPIC_API_KEY",
            "sk-ant one",
            (
                "environment: ANTHROPIC_API_KEY: holds a blank, a line break or a letter beyond ASCII; "
                "copy it once more"
            ),
        ),
    ],
)
def test_a_wrong_variable_is_told_by_its_name(
    home: OperatorsHome, variable: str, text: str, message: str
) -> None:
    """Values of secrets and addresses are not repeated."""
    home.environ[variable] = text
    [line] = home.complaints()
    assert line.startswith(message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[claude\n", "parley.toml: is not valid TOML: "),
        (b"[claude]\nmodel = \n", "parley.toml: is not valid TOML: Invalid value (at line 2, "),
        (b"\xff\xfe", "parley.toml: is not UTF-8 text; save it as UTF-8"),
    ],
)
def test_a_file_that_is_not_toml_is_told_with_its_line(
    home: OperatorsHome, content: bytes, message: str
) -> None:
    """And what else is wrong is told as well."""
    (home.folder / "parley.toml").write_bytes(content)
    home.environ["PARLEY_HTTP"] = "x"
    file, http = home.complaints()
    assert file.startswith(message)
    assert http.startswith("environment: PARLEY_HTTP: ")


def test_a_line_of_dotenv_that_is_none_is_told(home: OperatorsHome) -> None:
    """With its number, and without what stands there: it may be a secret."""
    home.write(".env", "# mine\n\nsk-ant-123 oops\nDISCORD_TOKEN=ok\n")
    assert home.complaints() == [".env:3: is not NAME=value; correct or remove the line"]


def test_a_dotenv_that_is_no_text_is_told(home: OperatorsHome) -> None:
    """Not a stack trace."""
    (home.folder / ".env").write_bytes(b"\xff\xfe\x00")
    assert home.complaints() == [".env: can't be read: it is not UTF-8 text; correct or remove it"]


def test_everything_that_is_wrong_is_told_at_once(home: OperatorsHome) -> None:
    """Faults of form do not hide retired models, and one source does not hide another."""
    home.write(".env", "what is this\n")
    home.environ.update({"PARLEY_NO__SUCH": "1", "DATABASE_URL": "oracle"})
    lines = home.complaints(
        """
        [claude]
        modle = "claude-opus-5-5"
        model = "claude-sonnet-4-5"
        fallback_models = ["claude-haiku-9"]
        [limits]
        on_limit = "shout"
        channel_messages = -1
        [channels."slack:C1".claude]
        model = "claude-sonnet-4-5"
        max_concurrency = 1
        """,
        today=date(2026, 12, 1),
    )
    assert [line.split(": ")[:2] for line in lines] == [
        ["PARLEY_NO__SUCH", "sets nothing; remove it"],
        [".env:1", "is not NAME=value; correct or remove the line"],
        ["parley.toml:3", "claude.modle"],
        ["parley.toml:8", "limits.channel_messages"],
        ["parley.toml:7", "limits.on_limit"],
        ["environment", "DATABASE_URL"],
        ["parley.toml:4", "claude.model"],
        ["parley.toml:5", "claude.fallback_models"],
        ["parley.toml:10", 'channels."slack:C1".claude.model'],
        ["parley.toml:11", 'channels."slack:C1".claude.max_concurrency'],
    ]


def test_a_retired_model_is_refused_and_one_about_to_retire_is_warned_of(
    home: OperatorsHome,
) -> None:
    """Sonnet 4.5 retires on 2026-11-30: a warning thirty days before, an error from then on."""
    toml = '[claude]\nmodel = "claude-sonnet-4-5-20250929"\n'
    assert home.settings(toml, today=date(2026, 10, 30)).warnings == ()
    assert home.settings(toml, today=date(2026, 10, 31)).warnings == (
        (
            'parley.toml:2: claude.model: "claude-sonnet-4-5" retires on 2026-11-30; change to another '
            "model before that day"
        ),
    )
    [line] = home.complaints(toml, today=date(2026, 11, 30))
    assert line.startswith(
        'parley.toml:2: claude.model: "claude-sonnet-4-5-20250929" retired on 2026-11-30; choose one '
    )
    assert "claude-sonnet-5-5" in line


def test_a_retired_model_of_a_single_channel_is_found_too(home: OperatorsHome) -> None:
    """Its people would be the first to notice otherwise."""
    [line] = home.complaints(
        '[channels."discord:5".claude]\nfallback_models = ["claude-sonnet-4-5"]\n',
        today=date(2026, 12, 1),
    )
    assert line.startswith(
        'parley.toml:2: channels."discord:5".claude.fallback_models: "claude-sonnet-4-5" retired on'
    )


def test_what_a_channel_inherits_is_told_where_it_is_written(home: OperatorsHome) -> None:
    """A channel that only changes its effort is not blamed for the model."""
    [line] = home.complaints(
        '[claude]\nmodel = "claude-sonnet-4-5"\n[channels."slack:C1".claude]\neffort = "max"\n',
        today=date(2026, 12, 1),
    )
    assert line.startswith("parley.toml:2: claude.model: ")


def test_a_combination_that_a_channel_makes_is_told_at_the_channel(home: OperatorsHome) -> None:
    """The general setting suits the general model."""
    assert home.complaints(
        '[claude]\nmodel = "claude-haiku-5-5"\nthinking = "disabled"\n'
        '[channels."slack:C1".claude]\nmodel = "claude-opus-5-5"\n'
    ) == [
        (
            'parley.toml:4: channels."slack:C1".claude.thinking: claude-opus-5-5 does not take '
            '"disabled"; choose "auto" or "adaptive"'
        )
    ]


def test_a_broken_catalogue_does_not_hide_other_problems(home: OperatorsHome) -> None:
    """Only the models can't be judged then."""
    home.write("models.toml", "[[models]]\nid = 5\n")
    lines = home.complaints(
        '[claude]\nmodel = "acme-1"\n[catalogue]\nfile = "models.toml"\n'
        "[retention]\ninbox_days = 1\n[engine]\ncatch_up_max_age_s = 100_000\n"
    )
    assert [line.split(": ")[1] for line in lines] == [
        "models[0].id",
        "models[0].context_window_tokens",
        "models[0].max_output_tokens",
        "models[0].min_cacheable_tokens",
        "retention.inbox_days",
    ]


def test_a_message_stays_on_its_line_whatever_it_quotes(home: OperatorsHome) -> None:
    """Line breaks in keys and values are shown, not made, and long values are cut."""
    lines = home.complaints(
        '[claude]\nmodel = "a\\nb"\n"x\\ny" = 1\n[threads]\nfollowups = "' + "z" * 500 + '"\n'
    )
    assert len(lines) == 3
    assert 'claude."x\\ny"' in lines[0]
    assert "zzz…" in lines[1]
    assert len(lines[1]) < 200
    assert '"a\\nb" is not a known model' in lines[2]


def test_a_price_that_is_not_known_is_warned_of(home: OperatorsHome) -> None:
    """Fable 5.2 is priced, but not its one-hour cache writes."""
    assert home.settings('[claude]\nmodel = "claude-fable-5-2"\n').warnings == ()
    [warning] = home.settings('[claude]\nmodel = "claude-fable-5-2"\ncache_ttl = "1h"\n').warnings
    assert warning == (
        'parley.toml:2: claude.model: the price of "claude-fable-5-2" is not known, so its cost is '
        "not and no budget can hold it; add the price to a catalogue of your own"
    )
