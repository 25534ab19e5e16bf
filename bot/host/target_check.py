"""Whether what settings name as targets, of reports and for operators, can be one: its platform is known,
and its id looks like one of that platform. Whether it is there, its platform alone can tell."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from config import Problem, Settings
from config.problems import SettingPath, did_you_mean, key_text


@dataclass(frozen=True, slots=True)
class Form:
    """How a platform's ids look."""

    pattern: str
    remedy: str


FORMS = {
    # https://docs.slack.dev/reference/objects/conversation-object
    "slack": Form(
        "[CDGUW][A-Z0-9]+",
        "copy the id from the end of the channel's details, or from a person's profile: C0123456789",
    ),
    # https://discord.com/developers/docs/reference#snowflakes
    "discord": Form(
        "[0-9]{15,20}",
        "copy the id from the channel's or the person's menu (developer mode): 112233445566778899",
    ),
}


def target_problems(settings: Settings, platforms: Collection[str]) -> list[Problem]:
    """What is wrong with the targets. `platforms` are those that are installed or that plugins bring."""
    found = []
    for path, target in _targets(settings):
        wrong = _wrong(target, platforms)
        if wrong is not None:
            what, remedy = wrong
            where = str(settings.origin_of(path))
            found.append(Problem(where, key_text(path), f'"{target}" {what}', remedy))
    return found


def _targets(settings: Settings) -> Iterator[tuple[SettingPath, str]]:
    for number, report in enumerate(settings.reports):
        for target in report.to:
            yield ("reports", number, "to"), target
    if settings.operators.channel:
        yield ("operators", "channel"), settings.operators.channel


def _wrong(target: str, platforms: Collection[str]) -> tuple[str, str] | None:
    """What is wrong and what to do, if something is."""
    platform, _, rest = target.partition(":")
    _, _, target_id = rest.rpartition(":")
    if platform not in platforms:
        there = ", ".join(sorted(platforms))
        remedy = did_you_mean(platform, platforms, otherwise=f"there are {there}")
        return f"names no platform: there is no {platform} here", remedy
    form = FORMS.get(platform)
    if form is None or re.fullmatch(form.pattern, target_id):
        return None
    return f"names no channel and no person: {target_id} is no id of {platform}", form.remedy
