"""Talking to the bot in Slack: where it answers, what it reads, what people see meanwhile."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.slack_rig import SlackService, slack_service


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[SlackService]:
    """A service that is connected."""
    async with slack_service(tmp_path) as running:
        yield running


async def test_a_mention_is_answered_in_its_thread(rig: SlackService) -> None:
    """The answer stands in the thread of the message, once, without the mention reaching Claude."""
    rig.claude.script.always("Paris.")
    question = rig.slack.say("What is the capital of France?", mention=True)
    (answer,) = await rig.answers_to(question)
    assert answer.text == "Paris."
    assert answer.thread_ts == question.ts
    assert (
        rig.claude.requests[-1]
        .body["messages"][-1]["content"][-1]["text"]
        .endswith("What is the capital of France?")
    )
