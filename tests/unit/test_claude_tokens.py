"""What is set aside for a prompt covers it, whatever people write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.claude.prompt import Prompt, request_body
from bot.claude.tokens import estimate_tokens, most_tokens
from sandbox.claude.prompt import read_prompt
from sandbox.claude.tokens import count_text

ANY_TEXT = st.text(max_size=200) | st.text(alphabet="ab19$_ .\n\t🦉言ß", max_size=200)
PROSE = (
    "The lease is renewed by a heartbeat, and when its holder dies any replica takes the thread over. "
    "Nothing that was committed is lost; what had only been streamed is written again.\n"
)


@given(ANY_TEXT)
def test_no_text_has_more_tokens_than_it_can_have(text: str) -> None:
    """Prose, digits, signs, other scripts, emoji, blanks and line breaks, in any order."""
    assert count_text(text) <= most_tokens(text)


@pytest.mark.parametrize("text", ["$_" * 500, "🦉" * 500, "x9$_ " * 200, "\n" * 999, "7" * 999])
def test_text_that_is_denser_than_an_estimate_thinks(text: str) -> None:
    """What an estimate from the length falls short of is covered."""
    assert count_text(text) <= most_tokens(text)


def test_prose_is_not_overrated() -> None:
    """For what people mostly write no more than twice the estimate is set aside."""
    assert most_tokens(PROSE * 50) <= 2 * estimate_tokens(PROSE * 50)


@given(
    st.lists(ANY_TEXT.filter(str.strip), min_size=1, max_size=5),
    ANY_TEXT,
    st.dictionaries(st.text("abc_$", min_size=1, max_size=9), ANY_TEXT, max_size=4),
)
def test_no_prompt_has_more_tokens_than_it_can_have(
    said: list[str], system: str, schema: dict[str, str]
) -> None:
    """System, messages and tools together, as the simulated provider counts them."""
    prompt = Prompt(
        system=system,
        messages=[
            {
                "role": "user" if n % 2 == 0 else "assistant",
                "content": [{"type": "text", "text": text}],
            }
            for n, text in enumerate(said)
        ],
        tools=[{"name": "t", "description": system, "input_schema": {"properties": schema}}],
    )
    body = request_body(prompt, model_id="claude-sonnet-5-5", model=None)
    assert read_prompt(body, "claude-sonnet-5-5").tokens <= prompt.most_input_tokens()
