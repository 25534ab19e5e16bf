"""Kill the service at any moment of an answer in Slack, start it again: one complete answer is there."""

import random
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest

from sandbox.claude import Pace, SimulatedClaude
from sandbox.slack import Message, Redelivery, SimulatedSlack, Visible
from tests.slack_rig import is_finished
from tests.support import wait_until
from tests.warm_parley import QUICK_TAKE_OVER, environ_of, warm_parley

ANSWER = " ".join(f"word{number}" for number in range(120))
KILLS = 3
PATIENCE_S = 60.0


def environment(folder: Path, slack: SimulatedSlack, claude: SimulatedClaude) -> Mapping[str, str]:
    """What an operator would set."""
    return environ_of(
        claude.base_url,
        f"sqlite:///{folder / 'parley.db'}",
        SLACK_API_URL=slack.api_url,
        SLACK_BOT_TOKEN=slack.bot_token,
        SLACK_APP_TOKEN=slack.app_token,
        PARLEY_HTTP="127.0.0.1:0",
    )


def replies(slack: SimulatedSlack, question: Message) -> list[Visible]:
    """What the bot shows as an answer."""
    if slack.world.channel(question.channel_id).is_direct:
        return list(slack.visible(question.channel_id, by_app=True))
    return list(slack.visible(question.channel_id, question.ts, by_app=True))


@pytest.mark.parametrize(
    ("seed", "channel", "streaming"),
    [(1, "general", True), (2, "general", False), (3, "@ada", True)],
)
async def test_a_killed_service_leaves_exactly_one_complete_answer(
    tmp_path: Path, seed: int, channel: str, streaming: bool
) -> None:
    """Streamed in a channel, edited in a channel, and in direct messages."""
    moment = random.Random(seed * 7919)  # noqa: S311 - not for secrets
    (tmp_path / "parley.toml").write_text(QUICK_TAKE_OVER)
    pace = Pace(first_token_s=0.1, tokens_per_s=250.0)
    async with SimulatedSlack() as slack, SimulatedClaude(pace=pace) as claude:
        slack.redelivery = Redelivery(pauses_s=(0.0, *[1.0] * 60))  # Slack tries for minutes
        slack.set_streaming(streaming)
        claude.script.always(ANSWER)
        environ = environment(tmp_path, slack, claude)
        said: list[Message] = []
        for _ in range(KILLS):
            async with warm_parley("run", directory=tmp_path, environ=environ) as process:
                await slack.wait_for_sockets(timeout_s=PATIENCE_S)
                if not said:
                    mention = channel == "general"
                    said.append(slack.say("Tell me a story.", channel=channel, mention=mention))
                enough = changes(slack) + moment.randint(0, 5)
                await wait_until(
                    partial(come, slack, said[0], enough), PATIENCE_S, what="the moment"
                )
                process.kill()
                await process.end(PATIENCE_S)
        (question,) = said
        async with warm_parley("run", directory=tmp_path, environ=environ):
            await wait_until(
                lambda: any(is_finished(each) for each in replies(slack, question)),
                PATIENCE_S,
                what="the answer",
            )
        assert [each.text for each in replies(slack, question)] == [ANSWER]
        assert slack.pings == ()


def come(slack: SimulatedSlack, question: Message, enough: int) -> bool:
    """Whether enough has happened: so many changes, or the end."""
    over = any(is_finished(each) for each in replies(slack, question))
    return over or changes(slack) >= enough


def changes(slack: SimulatedSlack) -> int:
    """How often the bot has changed anything that people see."""
    return sum(count for method, count in slack.call_counts.items() if method.startswith("chat."))
