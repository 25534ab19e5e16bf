"""An answer of one model so far: the text and content of its finished rounds."""

from dataclasses import dataclass, replace

from bot.claude.message_reader import Block
from bot.claude.prompt import Prompt
from bot.vocabulary import Usage

MAX_PAUSES = 10
"""The provider pauses a turn whose server tools have run for long; it is resumed so often at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRound:
    """One request and its complete response."""

    entry_id: str
    text: str
    blocks: list[Block]
    stop_reason: str
    refusal_category: str | None
    usage: Usage
    cost_nanousd: int | None
    request_id: str | None


class Draft:
    """Grows by a round at a time until the model has said all it wants to.

    Source: https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons (pause_turn).
    """

    def __init__(self, prompt: Prompt) -> None:
        self.prompt = prompt
        self.text = ""
        self.blocks: list[Block] = []
        self.usage = Usage()
        self.cost_nanousd: int | None = 0
        self.last: FinishedRound | None = None
        self._asked = prompt
        self._pauses = 0

    def will_resume(self, stop_reason: str | None) -> bool:
        """Whether a round that stops for this reason is followed by another."""
        return stop_reason == "pause_turn" and self._pauses < MAX_PAUSES

    def add(self, finished: FinishedRound) -> None:
        """A round is finished; `prompt` is what to send next, `last` the final round if it was that."""
        self.text += finished.text
        self.blocks = [*self.blocks, *finished.blocks]
        self.usage += finished.usage
        known = self.cost_nanousd is not None and finished.cost_nanousd is not None
        self.cost_nanousd = (
            (self.cost_nanousd or 0) + (finished.cost_nanousd or 0) if known else None
        )
        if not self.will_resume(finished.stop_reason):
            self.last = finished
            return
        self._pauses += 1
        said = {"role": "assistant", "content": self.blocks}
        self.prompt = replace(self._asked, messages=[*self._asked.messages, said])
