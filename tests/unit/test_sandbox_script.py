"""The small parts of scripting: pace, faults, the prompt cache's size, and the pytest plugin."""

import subprocess
import sys

import pytest

from bot.vocabulary import ManualClock
from sandbox.claude import Fault, FaultKind, Pace
from sandbox.claude.faults import Faults
from sandbox.claude.models import MODELS, find_model
from sandbox.claude.prices import PRICES
from sandbox.claude.prompt import read_prompt
from sandbox.claude.prompt_cache import PromptCache


@pytest.mark.parametrize(
    "wrong", [{"first_token_s": -1.0}, {"tokens_per_s": 0.0}, {"tokens_per_chunk": 0}]
)
def test_an_impossible_pace_is_refused(wrong: dict[str, float]) -> None:
    """A stream that can never end would only show as a test that hangs."""
    with pytest.raises(ValueError, match="tokens_per"):
        Pace(**wrong)  # type: ignore[arg-type]  # on purpose: each value has its field's type


def test_a_fault_taken_often_enough_is_gone() -> None:
    """Faults for one model leave the others alone, and come in the order armed."""
    faults = Faults()
    faults.arm(Fault.hang(), times=2, model="a")
    faults.arm(Fault.html())
    taken = [faults.take(model) for model in ("a", "b", "a", "a")]
    kinds = [None if fault is None else fault.kind for fault in taken]
    assert kinds == [FaultKind.HANG, FaultKind.HTML, FaultKind.HANG, None]


def test_every_model_has_a_price() -> None:
    """What can be asked can be billed."""
    assert {model.id for model in MODELS} == set(PRICES)


def test_the_cache_forgets_the_oldest_when_it_is_full() -> None:
    """Its memory has a limit, however long the simulator runs."""
    cache = PromptCache(clock=ManualClock(), max_entries=3)
    model = find_model("claude-sonnet-5-5", ManualClock().now())
    assert model is not None

    def ask(number: int) -> bool:
        said = [{"role": "user", "content": f"{number} " + "word " * 2_000}]
        body = {"messages": said, "cache_control": {"type": "ephemeral"}}
        use = cache.look_up(read_prompt(body, model.id), model=model, account="a")
        cache.settle(use)
        return use.usage.cache_read_tokens > 0

    assert [ask(number) for number in (1, 2, 3, 1, 4)] == [False, False, False, True, False]
    assert len(cache) == 3
    assert [ask(number) for number in (1, 2)] == [True, False]


def test_the_pytest_plugin_loads_nothing_until_it_is_used() -> None:
    """Whoever installs the package pays nothing for the fixtures they don't use."""
    code = (
        "import sys, sandbox.fixtures;"
        "print([name for name in ('aiohttp', 'anthropic', 'pydantic', 'bot') if name in sys.modules])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert loaded.stdout.strip() == "[]"
