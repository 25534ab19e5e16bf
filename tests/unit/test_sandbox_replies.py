"""What the simulated Claude says to a newcomer, unscripted."""

from typing import Any

import pytest

from bot.vocabulary import ManualClock
from sandbox.claude.asked import Asked
from sandbox.claude.models import find_model
from sandbox.claude.replies import make_up


def _asked(*said: str, model: str = "claude-sonnet-5-5", **body: Any) -> Asked:
    found = find_model(model, ManualClock().now())
    assert found is not None
    messages = [
        {"role": "assistant" if at % 2 else "user", "content": text} for at, text in enumerate(said)
    ]
    return Asked({"messages": messages, **body}, found)


QUESTIONS = [
    "Hello!",
    "What is a lease?",
    "Who wrote Faust, and when?",
    "Should we deploy on a Friday?",
    "Write a Python function that sorts",
    "Compare SQLite and PostgreSQL in a table",
    "Give me some tips for naming things",
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_answer_is_short_useful_and_honest(question: str) -> None:
    """Sixty to a hundred and fifty words, and it says that it is simulated."""
    text = make_up(_asked(question)).text
    assert 55 <= len(text.split()) <= 150
    assert "simulated" in text or "stand-in" in text


@pytest.mark.parametrize("question", QUESTIONS[1:])
def test_an_answer_mentions_what_was_asked(question: str) -> None:
    """The question is quoted."""
    assert question in make_up(_asked(question)).text


def test_who_speaks_is_not_quoted() -> None:
    """What a bot says in brackets above the question is context, and no part of it."""
    text = make_up(_asked("[Said before:]\nAda: Hi\n\n[Ada says:]\nWhat is a lease?")).text
    assert "“What is a lease?”" in text


def test_the_same_conversation_always_gets_the_same_answer() -> None:
    """And different ones differ in shape."""
    assert make_up(_asked("What is a lease?")) == make_up(_asked("What is a lease?"))
    assert len({make_up(_asked(f"{'so ' * n}what?")).text.split("so")[0] for n in range(3)}) == 3


@pytest.mark.parametrize(
    ("question", "mark"),
    [("Show me code", "```python"), ("A table, please", "| --- |"), ("Any ideas?", "1. **")],
)
def test_a_shape_asked_for_is_given(question: str, mark: str) -> None:
    """Code comes fenced, tables with columns, lists numbered."""
    assert mark in make_up(_asked(question)).text


def test_a_long_answer_is_long_and_has_headings() -> None:
    """Long enough that platforms must split it."""
    text = make_up(_asked("Tell me a long story")).text
    assert len(text) > 2_000
    assert text.count("\n## ") == 5


def test_it_remembers_what_was_said_before() -> None:
    """From the messages of the request, and it admits when there is nothing."""
    asked = _asked(
        "My cat is called Ada", "Nice.", "It is three", "Good.", "What did I say before?"
    )
    text = make_up(asked).text
    assert "1. My cat is called Ada" in text
    assert "2. It is three" in text
    assert "Nothing yet" in make_up(_asked("What did I say before?")).text


def test_context_before_the_question_is_not_taken_for_it() -> None:
    """The last paragraph is what is answered."""
    text = make_up(_asked("Ada: write code\nBob: a table\n\nWhat is a lease?")).text
    assert "“What is a lease?”" in text
    assert "```" not in text


def test_a_question_can_not_break_the_markdown_around_it() -> None:
    """Marks are taken out of the quote, and it is kept short."""
    text = make_up(_asked("Is `*this*` <b>|bold|</b> " + "very " * 50 + "long?")).text
    assert "“Is this b bold /b very" in text
    assert "…”" in text


@pytest.mark.parametrize(
    ("body", "model", "thinks"),
    [
        ({}, "claude-sonnet-5-5", True),
        ({"output_config": {"effort": "low"}}, "claude-sonnet-5-5", False),
        ({"thinking": {"type": "between_tools"}}, "claude-sonnet-5-5", False),
        ({"thinking": {"type": "disabled"}}, "claude-haiku-5-5", False),
        ({}, "claude-haiku-4-5", False),
        ({"thinking": {"type": "enabled", "budget_tokens": 2_048}}, "claude-haiku-4-5", True),
    ],
)
def test_it_thinks_as_the_request_and_the_model_have_it(
    body: dict[str, Any], model: str, thinks: bool
) -> None:
    """At low effort and where thinking is off it does not; else it does."""
    assert (make_up(_asked("Why?", model=model, **body)).thinking_tokens > 0) is thinks


def test_tool_results_are_shown() -> None:
    """Whoever writes a tool sees what the model was given."""
    asked = _asked("Roll.")
    results = [{"type": "tool_result", "tool_use_id": "t", "content": "a four"}]
    body = {"messages": [*asked.body["messages"], {"role": "user", "content": results}]}
    assert "> a four" in make_up(Asked(body, asked.model)).text
