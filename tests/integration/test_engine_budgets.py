"""Budgets hold, whatever happens at once, and people are told plainly."""

import re
from datetime import UTC, datetime

from storage import turn_figures
from tests.engine_rig import engine

EVER = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))

BUDGET = '[[budgets]]\nscope = "{scope}"\nperiod = "{period}"\nlimit_usd = {usd}\n'
SHORT = "[claude]\nmax_output_tokens = 1000\n"
# Known to the provider, but the catalogue has no price for it.
UNPRICED = """
[[models]]
id = "claude-opus-5"
name = "Claude Opus 5"
context_window_tokens = 1_000_000
max_output_tokens = 128_000
min_cacheable_tokens = 512
"""
ASK_UNPRICED = '[claude]\nmodel = "claude-opus-5"\nfallback_models = []\n'


def _budget(scope: str, usd: str, period: str = "month") -> str:
    return BUDGET.format(scope=scope, usd=usd, period=period)


async def test_a_used_up_budget_is_told_with_its_end(ready_url: str) -> None:
    """The sentence says when the budget starts afresh; Claude is not asked."""
    async with engine(ready_url, _budget("channel", "0.00001")) as rig:
        answer = await rig.ask("Hello?")
        assert re.fullmatch(
            r"The budget for answers here is used up\. "
            r"It starts afresh on \w+day, 1 \w+, at 00:00 \(UTC\)\.",
            answer,
        )
        assert rig.asked == []
        assert await rig.ledger() == []


async def test_a_budget_is_each_channels_own(ready_url: str) -> None:
    """What one channel has spent does not count in another."""
    async with engine(ready_url, SHORT + _budget("channel", "0.0115")) as rig:
        rig.claude.script.always("word " * 900)
        first = rig.say("Hello?", thread=rig.thread("1"))
        assert (await rig.end_of(first)).outcome == "answered"
        again = rig.say("Hello again?", thread=rig.thread("2"))
        assert (await rig.end_of(again)).outcome == "over_budget"
        elsewhere = rig.say("Hello here?", thread=rig.thread("3", channel="elsewhere"))
        assert (await rig.end_of(elsewhere)).outcome == "answered"


async def test_many_at_once_cannot_overshoot(ready_url: str) -> None:
    """Thirty threads against a budget for a few answers: never more is owed than it allows."""
    limit_nanousd = 50_000_000
    async with engine(ready_url, SHORT + _budget("global", "0.05", "day")) as rig:
        rig.claude.script.always("word " * 900)
        asked = [rig.say(f"number {n}", thread=rig.thread(f"t{n}")) for n in range(30)]
        ends = await rig.ends_of(asked)
        outcomes = [end.outcome for end in ends]
        assert set(outcomes) == {"answered", "over_budget"}
        owed = rig.claude.bill().total_nanousd
        assert 0 < owed <= limit_nanousd
        assert sum(row.cost_nanousd for row in await rig.ledger()) == owed
        assert outcomes.count("answered") == len(rig.claude.bill().rows)


async def test_what_is_not_used_is_free_again(ready_url: str) -> None:
    """A turn sets its worst case aside and settles: short answers fit many times."""
    async with engine(ready_url, SHORT + _budget("global", "0.0125")) as rig:
        rig.claude.script.always("Yes.")
        for number in range(5):
            assert await rig.ask(f"number {number}", thread=rig.thread(f"t{number}")) == "Yes."


async def test_no_budget_is_spent_blindly(ready_url: str) -> None:
    """With a budget in force a model without a price is not asked; the sentence says why."""
    async with engine(ready_url, ASK_UNPRICED + _budget("global", "1.0"), models=UNPRICED) as rig:
        end = await rig.end_of(rig.say("Hello?"))
        assert end.outcome == "failed"
        assert "what this model costs is not known" in end.text
        assert rig.asked == []


async def test_an_unknown_price_is_recorded_as_unknown(ready_url: str) -> None:
    """Without a budget such a model answers; its cost stands in the ledger as unknown, never as 0."""
    async with engine(ready_url, ASK_UNPRICED + "[replies]\nfooter = true", models=UNPRICED) as rig:
        answer = await rig.ask("Hello?")
        (row,) = await rig.ledger()
        assert row.cost_nanousd is None
        assert row.output_tokens > 0
        assert answer.endswith("cost not known_")


def _downgrading(usd: str, *, fallback: str = '"claude-haiku-5-5"') -> str:
    model = f'model = "claude-opus-5-5"\nfallback_models = [{fallback}]\n'
    return f"{SHORT}{model}" + _budget("channel", usd) + 'action = "downgrade"\n'


async def test_a_cheaper_model_answers_while_it_fits(ready_url: str) -> None:
    """Where the budget has no room for the model, the cheaper one of the chain answers, then nobody; it
    is written down that another model answered, and why."""
    async with engine(ready_url, _downgrading("0.0012")) as rig:
        rig.claude.script.always("word " * 900)
        ends = await rig.ends_of([rig.say("Hello?", thread=rig.thread("1"))])
        for number in range(2, 5):
            ends += await rig.ends_of([rig.say("Hello?", thread=rig.thread(str(number)))])
        outcomes = [end.outcome for end in ends]
        assert outcomes == ["answered", "answered", "over_budget", "over_budget"]
        assert {asked.model for asked in rig.asked} == {"claude-haiku-5-5"}
        assert rig.claude.bill().total_nanousd <= 1_200_000
        figures = await rig.database.read(turn_figures.of_period, since=EVER[0], until=EVER[1])
        assert (figures.answered, figures.turned_away, figures.fallbacks) == (2, 2, 2)


async def test_the_models_turn_comes_first(ready_url: str) -> None:
    """A downgrade is for lack of room alone: while there is room the model that was meant answers."""
    async with engine(ready_url, _downgrading("0.03")) as rig:
        rig.claude.script.always("word " * 900)
        await rig.ends_of([rig.say("Hello?", thread=rig.thread("1"))])
        await rig.ends_of([rig.say("And now?", thread=rig.thread("2"))])
        assert [asked.model for asked in rig.asked] == ["claude-opus-5-5", "claude-haiku-5-5"]


async def test_a_budget_that_stops_is_not_downgraded(ready_url: str) -> None:
    """Beside one that would take a cheaper model, one that stops has the last word."""
    stops = _budget("global", "0.0009")
    async with engine(ready_url, _downgrading("0.002") + stops) as rig:
        rig.claude.script.always("word " * 900)
        ends = [
            (await rig.end_of(rig.say("Hello?", thread=rig.thread(str(n))))).outcome
            for n in range(3)
        ]
        assert ends == ["answered", "over_budget", "over_budget"]


async def test_nothing_cheaper_in_the_chain(ready_url: str) -> None:
    """Only models that the operator named may answer; without one the budget stops."""
    async with engine(ready_url, _downgrading("0.0015", fallback="")) as rig:
        assert (await rig.end_of(rig.say("Hello?"))).outcome == "over_budget"
        assert rig.asked == []
