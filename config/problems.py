"""What is wrong with a configuration, told so that it can be put right."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

SettingPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where it stands, which key it is, what is wrong and what to do."""

    where: str
    """A file with its line, or the name of an environment variable."""
    key: str
    what: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.where}: {self.key}" if self.key else self.where
        return f"{place}: {self.what}; {self.remedy}"


class SettingsError(Exception):
    """The configuration can't be used. Its text has one line for every problem found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def key_text(path: SettingPath) -> str:
    """The path as an operator would write it: `channels."slack:C1".limits.channel_messages`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += ("." if text else "") + _bare_or_quoted(step)
    return text


def did_you_mean(name: str, known: Iterable[str], *, otherwise: str, closeness: float = 0.6) -> str:
    """A remedy that names the closest known name, or `otherwise` where none is close: 1 is the same
    name, 0 nothing in common."""
    matches = get_close_matches(name, list(known), n=1, cutoff=closeness)
    return f'did you mean "{matches[0]}"?' if matches else otherwise


def _bare_or_quoted(step: str) -> str:
    bare = step.replace("_", "").replace("-", "").isalnum()
    return step if bare else json.dumps(step, ensure_ascii=False)
