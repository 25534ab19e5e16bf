"""Whether Claude can be asked: the credential, the models, and the clock that the API tells."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import anthropic
import httpx2

from bot.claude.client import connect
from bot.vocabulary import Clock, Finding, Verdict
from config import Settings
from config.environment import without_password

TIMEOUT_S: Final = 10.0

SKEW_WARNING: Final = timedelta(seconds=30)
SKEW_FAILURE: Final = timedelta(minutes=5)
"""Beyond it Slack's signatures are refused: https://docs.slack.dev/authentication/verifying-requests-from-slack"""

KEYS_PAGE: Final = "https://platform.claude.com/settings/keys"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What the API said about one model; `status` None means that it said nothing."""

    model: str
    status: int | None
    problem: str = ""
    date: datetime | None = None
    received_at: datetime


class ClaudeExamination:
    """Asks the API about each configured model, once, without cost."""

    def __init__(self, *, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._address = without_password(settings.environment.anthropic_base_url)

    async def examine(self) -> Sequence[Finding]:
        """Findings on the credential; and on each model and the clock, if the API answered."""
        key = self._settings.secrets.anthropic_api_key
        if key is None:
            return [_no_key()]
        answers = await self._ask_all(key.get_secret_value())
        return [
            self._credential(answers[0]),
            *(finding for answer in answers for finding in self._model(answer)),
            *_clock(answers),
        ]

    async def _ask_all(self, key: str) -> Sequence[_Answer]:
        models = models_in_use(self._settings)
        client = connect(
            api_key=key,
            base_url=self._settings.environment.anthropic_base_url,
            max_concurrency=len(models),
        )
        async with client:
            return await asyncio.gather(*(self._ask(client, model) for model in models))

    async def _ask(self, client: anthropic.AsyncAnthropic, model: str) -> _Answer:
        try:
            response = await client.models.with_raw_response.retrieve(model, timeout=TIMEOUT_S)
        except anthropic.APIStatusError as error:
            kind = str(error.type or "")
            return self._answer(model, error.status_code, kind, error.response.headers)
        except (anthropic.APIError, httpx2.HTTPError, OSError) as error:
            return self._answer(model, None, type(error.__cause__ or error).__name__, {})
        return self._answer(model, response.status_code, "", response.headers)

    def _answer(
        self, model: str, status: int | None, problem: str, headers: Mapping[str, str]
    ) -> _Answer:
        return _Answer(
            model=model,
            status=status,
            problem=problem,
            date=_date(headers.get("date", "")),
            received_at=self._clock.now(),
        )

    def _credential(self, answer: _Answer) -> Finding:
        match answer.status:
            case 200 | 404:
                return _finding(Verdict.OK, f"{self._address} accepts the key")
            case 401:
                said = f"{self._address} refuses the key"
                remedy = f"Create a key at {KEYS_PAGE} and set ANTHROPIC_API_KEY to it."
            case 403:
                said = "the key may not be used for this"
                remedy = f"See at {KEYS_PAGE} what the key's workspace allows."
            case None:
                said = f"{self._address} can't be reached ({answer.problem})"
                remedy = "Check the network, HTTPS_PROXY and ANTHROPIC_BASE_URL."
            case status:
                said = f"{self._address} answered {status} {answer.problem}".rstrip()
                remedy = "Try again later; see https://status.claude.com if it stays so."
                return _finding(Verdict.WARNING, said, remedy)
        return _finding(Verdict.FAILURE, said, remedy)

    def _model(self, answer: _Answer) -> Iterator[Finding]:
        check = f"model {answer.model}"
        if answer.status == 200:
            yield Finding(check=check, verdict=Verdict.OK, said="the API offers it to this key")
        elif answer.status == 404 and answer.problem == "not_found_error":
            yield Finding(
                check=check,
                verdict=Verdict.FAILURE,
                said="the API does not offer it to this key",
                remedy="Choose another model in [claude], or ask for access to this one.",
            )
        elif answer.status == 404:
            yield Finding(
                check=check,
                verdict=Verdict.WARNING,
                said=f"not checked: {self._address} can't list models",
                remedy="ANTHROPIC_BASE_URL seems to be a proxy; ask whoever runs it for the models.",
            )


def models_in_use(settings: Settings) -> list[str]:
    """Every model that any channel's settings name, each once, the general ones first."""
    overrides = (*settings.workspaces.values(), *settings.channels.values())
    sections = [settings.claude, *(each.claude for each in overrides if each.claude is not None)]
    return list(dict.fromkeys(model for section in sections for model in section.allowed_models))


def _clock(answers: Sequence[_Answer]) -> Iterator[Finding]:
    for answer in answers:
        if answer.date is not None:
            yield _skew(answer.received_at - answer.date)
            return


def _skew(skew: timedelta) -> Finding:
    seconds = skew.total_seconds()
    if abs(skew) < SKEW_WARNING:
        return Finding(check="clock", verdict=Verdict.OK, said="agrees with the API's clock")
    return Finding(
        check="clock",
        verdict=Verdict.FAILURE if abs(skew) >= SKEW_FAILURE else Verdict.WARNING,
        said=f"{abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} the API's clock",
        remedy="Let the machine set its clock by NTP (timedatectl set-ntp true).",
    )


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return date if date.tzinfo else None


def _no_key() -> Finding:
    return _finding(
        Verdict.FAILURE,
        "ANTHROPIC_API_KEY is not set",
        f"Create a key at {KEYS_PAGE} and set it in the environment or in .env; "
        "`parley sandbox` needs none.",
    )


def _finding(verdict: Verdict, said: str, remedy: str = "") -> Finding:
    return Finding(check="Claude", verdict=verdict, said=said, remedy=remedy)
