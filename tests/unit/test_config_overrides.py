"""Settings that differ per workspace and channel."""

from pathlib import Path

import pytest

from config import ChannelSettings
from tests.unit.config_home import OperatorsHome

FILE = """
[limits]
channel_messages = 10
on_limit = "reject"

[workspaces."slack:T1".claude]
model = "claude-haiku-5-5"
effort = "medium"
[workspaces."slack:T1".threads]
followups = "always"

[channels."slack:C1".claude]
model = "claude-opus-5-5"
[channels."slack:C1".limits]
channel_messages = 100
[channels."slack:T1:C2".limits]
channel_messages = 5
[channels."slack:C2".limits]
channel_messages = 6
channel_per_s = 7
"""


@pytest.fixture
def in_channel(tmp_path: Path) -> "InChannel":
    return InChannel(OperatorsHome(tmp_path))


class InChannel:
    """Settings in force in a channel of the file above."""

    def __init__(self, home: OperatorsHome) -> None:
        self.settings = home.settings(FILE)

    def __call__(self, channel_key: str) -> ChannelSettings:
        workspace_key = channel_key.rpartition(":")[0]
        return self.settings.for_channel(channel_key=channel_key, workspace_key=workspace_key)


def test_a_channel_without_overrides_has_the_general_settings(in_channel: InChannel) -> None:
    """Nothing of another workspace or platform spills over."""
    for key in ("slack:T9:C9", "discord:T1:C1"):
        effective = in_channel(key)
        assert effective.claude == in_channel.settings.claude or key == "discord:T1:C1"
        assert effective.threads == in_channel.settings.threads
        assert effective.limits.channel_messages == 10


def test_a_workspaces_settings_hold_in_all_its_channels(in_channel: InChannel) -> None:
    """And leave alone what they do not mention."""
    effective = in_channel("slack:T1:C9")
    assert effective.claude.model == "claude-haiku-5-5"
    assert effective.threads.followups == "always"
    assert effective.claude.turn_deadline_s == 180
    assert effective.limits.channel_messages == 10


def test_a_channels_settings_beat_its_workspaces_key_by_key(in_channel: InChannel) -> None:
    """The model is the channel's, the effort still the workspace's, the rest the general one."""
    effective = in_channel("slack:T1:C1")
    assert effective.claude.model == "claude-opus-5-5"
    assert effective.claude.effort == "medium"
    assert effective.limits.channel_messages == 100
    assert effective.limits.on_limit == "reject"
    assert effective.threads.followups == "always"


def test_a_channel_can_be_named_with_or_without_its_workspace(in_channel: InChannel) -> None:
    """Where both are given, the fuller name is the stronger one."""
    effective = in_channel("slack:T1:C2")
    assert effective.limits.channel_messages == 5
    assert effective.limits.channel_per_s == 7
    assert in_channel("slack:T2:C2").limits.channel_messages == 6


def test_the_models_of_a_channel_are_tried_once_each(in_channel: InChannel) -> None:
    """A workspace whose model is the general fallback does not try it twice."""
    assert in_channel("slack:T1:C9").claude.models == ("claude-haiku-5-5",)
    assert in_channel("slack:T1:C1").claude.models == ("claude-opus-5-5", "claude-haiku-5-5")


def test_a_value_equal_to_the_default_still_overrides(tmp_path: Path) -> None:
    """What was written counts, not whether it differs from what is built in."""
    settings = OperatorsHome(tmp_path).settings(
        '[limits]\non_limit = "reject"\n[channels."slack:C1".limits]\non_limit = "queue"\n'
    )
    effective = settings.for_channel(channel_key="slack:T1:C1", workspace_key="slack:T1")
    assert effective.limits.on_limit == "queue"
