"""How often Slack is asked, how its errors are read, and which proxy it is asked through."""

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from adapters.slack.errors import NotStreaming, Refused, StillStreaming, TokenLost, translated
from adapters.slack.pacing import Call, Pacing, RateLimits
from adapters.slack.proxy import proxy_for
from adapters.slack.unfinished import Unfinished
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


def post(channel: str, what: object = "") -> Call:
    """A post to a channel."""
    return Call(POST, "T1", channel, str(what))


def update(what: object = "", *, workspace: str = "T1") -> Call:
    """An edit of a message."""
    return Call(UPDATE, workspace, "C1", str(what))


async def test_posts_stand_in_line_by_channel() -> None:
    """A few at once, then one a second; another channel waits for none of them."""
    pace = pacing()
    assert [pace.wait_s(post("C1", n)) for n in range(6)] == [0, 0, 0, 0, 1, 2]
    assert pace.wait_s(post("C2")) == 0
    await clock_of(pace).advance(1)
    assert pace.wait_s(post("C1", 4)) == 0, "its turn has come"
    assert pace.wait_s(post("C1", 5)) == 1, "it keeps its place"
    assert pace.wait_s(post("C1", 6)) == 2, "who is new stands behind it"


async def test_other_calls_are_counted_and_not_held_back() -> None:
    """The tiers say what Slack allows at least. How many are left tells what is worth doing."""
    pace = pacing()
    assert pace.spare(UPDATE, "T1") == 50
    assert {pace.wait_s(update(n)) for n in range(60)} == {0}
    assert pace.spare(UPDATE, "T1") < 0
    assert pace.spare(UPDATE, "T2") == 50
    await clock_of(pace).advance(60)
    assert pace.spare(UPDATE, "T1") == pytest.approx(40)


async def test_once_slack_has_refused_a_call_all_stand_in_line() -> None:
    """Each comes when its turn has come, so that they do not all come at once."""
    pace = pacing()
    assert {pace.wait_s(update(n)) for n in range(50)} == {0}
    pace.refused(update("a"), 2.0)
    waits = [pace.wait_s(update(what)) for what in "abc"]
    assert waits == pytest.approx([2.0, 2.4, 3.6])
    assert pace.wait_s(update("x", workspace="T2")) == 0
    await clock_of(pace).advance(2.5)
    assert pace.wait_s(update("b")) == 0
    assert pace.wait_s(update("c")) == pytest.approx(1.1)
    await clock_of(pace).advance(60)
    assert [pace.wait_s(update(n)) for n in range(40)] == [0] * 40


async def test_who_was_refused_waits_no_longer_than_slack_asks_for() -> None:
    """Also where the tier alone would have them wait three seconds; the next does."""
    pace = pacing()
    stops = [Call("chat.stopStream", "T1", "C1", what) for what in "ab"]
    assert {pace.wait_s(stop) for stop in stops} == {0}
    for stop in stops:
        pace.refused(stop, 1.0)
    assert [pace.wait_s(stop) for stop in stops] == pytest.approx([1.0, 4.0])


async def test_a_wait_that_slack_asks_for_is_kept_by_method_and_channel() -> None:
    """And it is over when it is over; also where nothing else is held back."""
    for pace in (pacing(), pacing(enforced=False)):
        pace.refused(post("C1"), 30.0)
        assert pace.wait_s(post("C1")) == 30.0
        assert pace.wait_s(post("C2")) == 0
        assert pace.wait_s(update()) == 0
        await clock_of(pace).advance(30)
        assert pace.wait_s(post("C1")) == 0


def test_where_limits_are_off_nothing_is_held_back() -> None:
    """As in a sandbox."""
    pace = pacing(enforced=False)
    assert {pace.wait_s(post("C1", n)) for n in range(100)} == {0}
    assert pace.spare(UPDATE, "T1") == float("inf")


def test_what_is_not_used_is_forgotten() -> None:
    """Workspaces and messages are many."""
    pace = pacing()
    for number in range(6_000):
        pace.wait_s(update(workspace=f"T{number}"))
        pace.wait_s(post("C1", number))
    assert len(pace._buckets) <= 5_000
    assert all(len(bucket.line) <= 5_000 for bucket in pace._buckets.values())


def test_who_owes_an_edit_is_counted() -> None:
    """From the moment it is posted until it is final or gone."""
    unfinished = Unfinished(clock=ManualClock())
    with unfinished.coming("T1", final=False):
        assert unfinished.owed("T1") == 1
    assert unfinished.owed("T1") == 0
    unfinished.note("T1", "C1", "1.0", final=False)
    unfinished.note("T1", "C1", "1.0", final=False)
    unfinished.note("T2", "C1", "1.0", final=False)
    assert (unfinished.owed("T1"), unfinished.owed("T2")) == (1, 1)
    unfinished.note("T1", "C1", "1.0", final=True)
    unfinished.note("T1", "C1", "9.0", final=True)
    assert (unfinished.owed("T1"), unfinished.owed("T2")) == (0, 1)


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
