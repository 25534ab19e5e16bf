"""What becomes of a report that was sent by hand, as the command that sent it is told."""

from typing import Literal

import pytest

from bot.cli.report import Told, _say, _told
from bot.reports.sending import Sent
from bot.showing import Showing, Shown
from bot.vocabulary import SystemClock
from tests.engine_rig import engine


async def test_each_message_is_followed_to_its_end(ready_url: str) -> None:
    """Beside the service: one is seen, one can't be said anywhere any more, one is still on its way."""
    async with engine(ready_url) as rig:
        showing = Showing(settings=rig.settings, clock=SystemClock())
        seen = await rig.announce("All is well.", thread=rig.thread("+1"))
        rig.platform.close(rig.thread("+2"))
        gone = await rig.announce("Nobody reads this.", thread=rig.thread("+2"))
        for message in (seen, gone):
            await rig.end_of(message)
        told = await showing.shown([seen.key, gone.key], within_s=0)
        assert told[seen.key].outcome == "delivered"
        assert told[gone.key].outcome == "refused"
        assert told[gone.key].why.startswith("nothing can be said there (any more)")
        hanging = rig.platform.hold("post")
        late = await rig.announce("A moment.", thread=rig.thread("+3"))
        await hanging.arrived.wait()
        told = await showing.shown([seen.key, late.key], within_s=0.1)
        assert (told[seen.key].outcome, told[late.key].outcome) == ("delivered", "on_its_way")
        hanging.release()
        told = await showing.shown([late.key], within_s=20)
        assert told[late.key].outcome == "delivered"


@pytest.mark.parametrize(
    ("outcome", "end", "told"),
    [
        ("sent", Shown("delivered"), Told("slack:C1", "delivered")),
        ("already", Shown("delivered"), Told("slack:C1", "already")),
        ("already", Shown("refused", "no"), Told("slack:C1", "refused", "no")),
        ("already", Shown("on_its_way"), Told("slack:C1", "on_its_way")),
    ],
)
def test_what_was_sent_before_is_followed_too(
    outcome: Literal["sent", "already"], end: Shown, told: Told
) -> None:
    """It may have been refused since, and then it is said to be."""
    sent = Sent("slack:C1", outcome, "key")
    assert _told(sent, {"key": end}) == told


def test_a_target_is_named_once_where_it_can_not_be_reached() -> None:
    """The reason is kept with the target before it, and so is the line that tells it."""
    sent = Sent("slack:C1", "waiting", None, "slack:C1: slack did not answer")
    assert _told(sent, {}) == Told("slack:C1", "waiting", "slack did not answer")


def test_every_target_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """What did not work stands on stderr, with the reason."""
    _say(
        [
            Told("slack:C1", "delivered"),
            Told("slack:C2", "on_its_way"),
            Told("slack:C3", "refused", "nothing can be said there"),
            Told("slack:C4", "waiting", "slack did not answer"),
            Told("slack:C5", "already"),
        ]
    )
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "slack:C1: delivered",
        "slack:C2: still being delivered; a running service goes on with it",
        "slack:C5: was sent before; --again sends it once more",
    ]
    assert err.splitlines() == [
        "slack:C3: refused; --again tries anew: nothing can be said there",
        "slack:C4: not sent yet: slack did not answer",
    ]
