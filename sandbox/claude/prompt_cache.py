"""The prompt cache: what a request reads from it and writes to it, as the provider accounts for it.

Rules, from the provider's prompt-caching page: entries are written at breakpoints alone; from each
breakpoint the cache looks back over 20 blocks for the longest prefix it knows; reading refreshes an
entry's lifetime, which counts from the start of the request; below the model's smallest cacheable
size nothing is written, silently; entries are per account and model. Where lifetimes are mixed,
tokens up to the last one-hour breakpoint are written for an hour, the rest for five minutes.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.vocabulary import Clock, Usage
from sandbox.claude.models import Model
from sandbox.claude.prompt import Block, Prompt

LOOKBACK_BLOCKS = 20
MAX_BREAKPOINTS = 4
LIFETIMES_S: Mapping[str, int] = {"5m": 300, "1h": 3_600}
_NEVER_MARKED = frozenset({"thinking", "redacted_thinking"})


@dataclass(frozen=True, slots=True)
class CacheUse:
    """What one request does with the cache: its input usage, and what `PromptCache.settle` does."""

    usage: Usage
    account: str
    started_s: float
    reads: tuple[bytes, ...]
    writes: tuple[tuple[bytes, int], ...]


@dataclass(frozen=True, slots=True)
class _Breakpoint:
    at: int
    ttl: str


class PromptCache:
    """What is cached, by account and exact prefix. Holds at most `max_entries`, oldest go first."""

    def __init__(self, *, clock: Clock, max_entries: int = 100_000) -> None:
        self._clock = clock
        self._max_entries = max_entries
        self._entries: OrderedDict[tuple[str, bytes], tuple[float, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def look_up(self, prompt: Prompt, *, model: Model, account: str) -> CacheUse:
        """What this request will read and write; nothing changes before `settle`."""
        now_s = self._clock.monotonic()
        marks = breakpoints_of(prompt)
        hit = self._longest_hit(prompt.blocks, marks, account, now_s)
        writes = [
            mark
            for mark in marks
            if mark.at > hit and prompt.blocks[mark.at].tokens_so_far >= model.min_cacheable_tokens
        ]
        usage = _usage(prompt, hit, writes)
        known = [prompt.blocks[mark.at].digest for mark in marks if mark.at < hit]
        if hit >= 0:
            known.append(prompt.blocks[hit].digest)
        return CacheUse(
            usage=usage,
            account=account,
            started_s=now_s,
            reads=tuple(known),
            writes=tuple((prompt.blocks[mark.at].digest, LIFETIMES_S[mark.ttl]) for mark in writes),
        )

    def settle(self, use: CacheUse) -> None:
        """Refresh what was read and keep what was written; called when the response begins."""
        for digest in use.reads:
            entry = self._entries.get((use.account, digest))
            if entry is not None:
                self._keep(use, digest, entry[1])
        for digest, lifetime_s in use.writes:
            self._keep(use, digest, lifetime_s)
        while len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def _keep(self, use: CacheUse, digest: bytes, lifetime_s: int) -> None:
        key = (use.account, digest)
        self._entries[key] = (use.started_s + lifetime_s, lifetime_s)
        self._entries.move_to_end(key)

    def _longest_hit(
        self, blocks: Sequence[Block], marks: Sequence[_Breakpoint], account: str, now_s: float
    ) -> int:
        best = -1
        for mark in marks:
            for at in range(mark.at, max(best, mark.at - LOOKBACK_BLOCKS), -1):
                expires_s, _ = self._entries.get((account, blocks[at].digest), (0.0, 0))
                if expires_s > now_s:
                    best = at
                    break
        return best


def breakpoints_of(prompt: Prompt) -> list[_Breakpoint]:
    """The cache breakpoints in order; the top-level one stands on the last cacheable block."""
    marks = [_Breakpoint(at, block.ttl) for at, block in enumerate(prompt.blocks) if block.ttl]
    if prompt.automatic_ttl is not None:
        last = _last_cacheable(prompt.blocks)
        if last >= 0 and not any(mark.at == last for mark in marks):
            marks.append(_Breakpoint(last, prompt.automatic_ttl))
    return marks


def _last_cacheable(blocks: Sequence[Block]) -> int:
    for at in range(len(blocks) - 1, -1, -1):
        if blocks[at].kind not in _NEVER_MARKED:
            return at
    return -1


def _usage(prompt: Prompt, hit: int, writes: Sequence[_Breakpoint]) -> Usage:
    def so_far(at: int) -> int:
        return prompt.blocks[at].tokens_so_far if at >= 0 else 0

    read = so_far(hit)
    last_1h = max((mark.at for mark in writes if mark.ttl == "1h"), default=hit)
    last = max((mark.at for mark in writes), default=hit)
    return Usage(
        input_tokens=prompt.tokens - so_far(last),
        cache_read_tokens=read,
        cache_write_1h_tokens=so_far(last_1h) - read,
        cache_write_5m_tokens=so_far(last) - so_far(last_1h),
    )
