"""How often Slack is asked, how its errors are read, and which proxy it is asked through."""

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from adapters.slack.errors import NotStreaming, Refused, StillStreaming, TokenLost, translated
from adapters.slack.pacing import Pacing, RateLimits
from adapters.slack.proxy import proxy_for
from bot.ports import MessageGone, PlatformBusy, PlatformError, PlatformUnavailable, ThreadGone
from bot.vocabulary import ManualClock

POST, UPDATE = "chat.postMessage", "chat.update"


def pacing(**limits: object) -> Pacing:
    """Slack's limits on a clock that stands still."""
    return Pacing(clock=ManualClock(), limits=RateLimits(**limits))  # type: ignore[arg-type]


def clock_of(pace: Pacing) -> ManualClock:
    """The clock that the test moves."""
    assert isinstance(pace.clock, ManualClock)
    return pace.clock


async def test_posts_stand_in_line_by_channel() -> None:
    """A few at once, then one a second; another channel waits for none of them."""
    pace = pacing()
    waits = [pace.take(POST, "T1", "C1") for _ in range(6)]
    assert waits == [0, 0, 0, 0, 1, 2]
    assert pace.take(POST, "T1", "C2") == 0
    await clock_of(pace).advance(3)
    assert pace.take(POST, "T1", "C1") == 0


async def test_other_calls_are_counted_and_never_held_back() -> None:
    """How many are left tells what is worth doing; what must be done is done."""
    pace = pacing()
    assert pace.spare(UPDATE, "T1") == 50
    assert [pace.take(UPDATE, "T1", "C1") for _ in range(60)] == [0] * 60
    assert pace.spare(UPDATE, "T1") < 0
    assert pace.spare(UPDATE, "T2") == 50
    await clock_of(pace).advance(60)
    assert pace.spare(UPDATE, "T1") == pytest.approx(40)


async def test_a_wait_that_slack_asks_for_is_kept_by_method_and_channel() -> None:
    """And it is over when it is over."""
    pace = pacing()
    pace.refused(POST, "T1", "C1", 30.0)
    assert pace.forbidden_s(POST, "T1", "C1") == 30.0
    assert pace.forbidden_s(POST, "T1", "C2") <= 0
    assert pace.forbidden_s(UPDATE, "T1", "C1") <= 0
    await clock_of(pace).advance(30)
    assert pace.forbidden_s(POST, "T1", "C1") <= 0


def test_where_limits_are_off_nothing_is_held_back() -> None:
    """As in a sandbox."""
    pace = pacing(enforced=False)
    assert {pace.take(POST, "T1", "C1") for _ in range(100)} == {0}
    assert pace.spare(UPDATE, "T1") == float("inf")


def test_what_is_not_used_is_forgotten() -> None:
    """Channels are many."""
    pace = pacing()
    for number in range(6_000):
        pace.take(UPDATE, f"T{number}", None)
        pace.give_back(UPDATE, f"T{number}", None)
    assert len(pace._buckets) <= 5_001


class Answer:
    """An answer of Slack's, as the SDK's errors carry it."""

    def __init__(self, code: str | None, status: int = 200, **headers: str) -> None:
        self.status_code = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.data = {"ok": False, "error": code, "needed": "chat:write"} if code else "<html>"

    def __str__(self) -> str:
        return str(self.data)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer("ratelimited", 429, Retry_After="7"), PlatformBusy),
        (Answer(None, 429), PlatformBusy),
        (Answer("fatal_error"), PlatformUnavailable),
        (Answer(None, 503), PlatformUnavailable),
        (Answer(None, 200), PlatformUnavailable),
        (Answer("message_not_found"), MessageGone),
        (Answer("is_archived"), ThreadGone),
        (Answer("not_in_channel"), ThreadGone),
        (Answer("token_revoked"), TokenLost),
        (Answer("message_not_in_streaming_state"), NotStreaming),
        (Answer("streaming_state_conflict"), StillStreaming),
        (Answer("missing_scope"), Refused),
        (Answer("something_new"), Refused),
    ],
)
def test_errors_become_the_ports_own(answer: Answer, kind: type[PlatformError]) -> None:
    """Each string in one place."""
    raised = SlackApiError("failed", answer)  # type: ignore[no-untyped-call]
    error = translated(raised, "chat.update")
    assert type(error) is kind
    assert str(error).startswith("chat.update: ")
    if isinstance(error, PlatformBusy):
        assert error.retry_after_s == (7.0 if answer.headers else 5.0)


@pytest.mark.parametrize(
    "error", [aiohttp.ClientConnectionError("x"), TimeoutError(), OSError("x"), KeyError("x")]
)
def test_what_breaks_on_the_way_may_have_acted(error: Exception) -> None:
    """So it is asked about before it is done again."""
    assert isinstance(translated(error, "chat.update"), PlatformUnavailable)


@pytest.mark.parametrize(
    ("url", "environ", "proxy"),
    [
        ("https://slack.com/api/", {"https_proxy": "http://proxy:3128"}, "http://proxy:3128"),
        ("https://slack.com/api/", {"https_proxy": "http://p:1", "no_proxy": "slack.com"}, None),
        ("http://127.0.0.1:8000/api/", {"http_proxy": "http://proxy:3128"}, None),
        ("http://localhost:8000/api/", {"http_proxy": "http://proxy:3128"}, None),
        ("https://slack.com/api/", {}, None),
    ],
)
def test_the_proxy_is_the_environments_but_never_for_loopback(
    monkeypatch: pytest.MonkeyPatch, url: str, environ: dict[str, str], proxy: str | None
) -> None:
    """`NO_PROXY` is obeyed, which the SDK does not."""
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(url) == proxy
