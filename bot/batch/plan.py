"""What a batch is asked to do."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.batch.items import Item
from bot.batch.template import Template
from bot.claude.prompt import Prompt
from config.sections import ClaudeSettings


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about one item. `key` is the same in every run, wherever the item stands."""

    key: str
    item: Item
    prompt: Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One prompt over many items."""

    template: Template
    items: Sequence[Item]
    system: str
    claude: ClaudeSettings
    """Model, effort, thinking and length of the answers."""
    state_file: Path
    restart: bool = False
    by_api: bool = False
    """By the provider's message batches: slower, at half the price."""
    limit_nanousd: int | None = None

    @property
    def model(self) -> str:
        """The one model that is asked."""
        return self.claude.model

    @property
    def digest(self) -> str:
        """What must not change from run to run, the items aside."""
        said = [self.template.text, self.system, self.model, self.claude.max_output_tokens]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()

    def questions(self) -> list[Question]:
        """What is asked about each item, in order. Equal items are asked about each for itself."""
        seen: Counter[str] = Counter()
        questions = []
        for item in self.items:
            text = self.template.filled(item)
            digest = hashlib.sha256(text.encode()).hexdigest()[:32]
            seen[digest] += 1
            questions.append(Question(f"{digest}-{seen[digest]}", item, self._prompt(text)))
        return questions

    def _prompt(self, text: str) -> Prompt:
        return Prompt(
            messages=[{"role": "user", "content": text}],
            system=self.system,
            max_output_tokens=self.claude.max_output_tokens,
            effort=self.claude.effort,
            thinking=self.claude.thinking,
            cache_ttl=self.claude.cache_ttl,
        )
