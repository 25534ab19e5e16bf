"""`/usage`, `/budget` and the bot's own page: everybody knows of what is theirs, and no more."""

from datetime import UTC, datetime

from bot.money.amounts import readable
from bot.plugins import Context, Plugin
from bot.vocabulary import Person
from plugins.money import plugin as money
from sandbox.testing import ADMIN, MEMBER, Bot, running
from storage import budgets
from tests.engine_rig import ADA, engine

GRACE = Person("U9", "Grace")
BOSS = Person("U2", "Grace", admin=True)
LONG = "word " * 2000

BUDGETS = """
[claude]
max_output_tokens = 3000
[[budgets]]
scope = "channel"
period = "month"
limit_usd = 0.04
[[budgets]]
scope = "global"
period = "day"
limit_usd = 100
[operators]
admins = ["terminal:U7"]
"""
OPERATOR = Person("U7", "Olga")


async def asked(bot: Bot, count: int, *, by: Person = MEMBER) -> str:
    """Have some questions answered; what the provider billed for them, as people read it."""
    before = bot.claude.bill().total_nanousd
    bot.claude.script.always(LONG)
    for number in range(count):
        await bot.say(f"{by.name}'s question {number}", by=by)
    return readable(bot.claude.bill().total_nanousd - before)


async def test_everybody_sees_their_own_and_the_channels() -> None:
    """To the cent what the provider bills: one's own in full, the channel's in a line, and the
    workspace's for admins alone."""
    async with running(money) as bot:
        own, others = await asked(bot, 2), await asked(bot, 1, by=GRACE)
        both = readable(bot.claude.bill().total_nanousd)
        said = (await bot.say("/usage")).text
        assert said.startswith("**You**, ")
        assert f"**{own}**, 2 answers." in said
        assert "| claude-sonnet-5-5 | 2 |" in said
        assert f"**{both}**, 3 answers." in said
        assert "The workspace" not in said
        assert f"**{others}**, 1 answer." in (await bot.say("/usage me today", by=GRACE)).text
        refused = await bot.say("/usage workspace")
        assert refused.text == "Only admins can see what the whole workspace used."
        assert f"**{both}**, 3 answers." in (await bot.say("/usage workspace", by=ADMIN)).text


async def test_a_period_can_be_said_in_many_ways() -> None:
    """Today, a week, a month, days; what can't be understood is said with what can."""
    async with running(money) as bot:
        own = await asked(bot, 1)
        today = bot.clock.now().date()
        year, week, _ = today.isocalendar()
        for period in (
            *("today", "week", "month", today.isoformat(), f"{today:%Y-%m}"),
            *(f"{year}-W{week:02d}", f"{today}..{today}"),
        ):
            assert f"**{own}**, 1 answer." in (await bot.say(f"/usage me {period}")).text, period
        assert "**$0.00**, 0 answers." in (await bot.say("/usage me 2020-02")).text
        said = (await bot.say("/usage me yesteryear")).text
        assert said.startswith("'yesteryear' is not a period; write today, week, month, 2026-11-23")


async def test_it_is_shown_to_the_asker_alone() -> None:
    """Where the platform can tell one person something, nobody else reads it."""
    async with running(money, platform="slack") as bot:
        assert (await bot.say("/usage")).outcome == "command"
        (shown,) = [each for each in bot.platform.posted.values() if "**You**" in each.text]
        assert shown.notice_for == MEMBER


async def test_a_command_that_finds_no_money_says_so() -> None:
    """A plugin that may not ask Claude is not to blame: the person reads when the budget starts afresh,
    however often they try."""
    asking = Plugin("asking", api=1)

    @asking.command("ponder")
    async def ponder(ctx: Context) -> str:
        """Ask Claude."""
        return (await ctx.claude.ask("Hm?")).text

    small = BUDGETS.replace("0.04", "0.000001")
    async with running(asking, config=small) as bot:
        for _ in range(7):
            heard = await bot.say("/ponder")
            assert heard.outcome == "over_budget"
            assert heard.text.startswith("The budget for answers here is used up.")


async def test_who_may_change_which_budget() -> None:
    """Members none; who manages a workspace, that workspace's; operators all."""
    async with running(money, config=BUDGETS) as bot:
        assert (await bot.say("/budget")).text == "Only admins can use `/budget` here."
        said = (await bot.say("/budget raise global/all/day 5", by=ADMIN)).text
        assert said == "That budget is not only for this workspace, so only operators change it."
        said = (await bot.say("/budget raise global/all/day 5", by=OPERATOR)).text
        assert "of $105.00 spent now" in said
        said = (await bot.say("/budget raise nothing 5", by=ADMIN)).text
        assert said.startswith("There is no budget nothing; there are: ")
        for wrong in ("-5", "much", "nan"):
            said = (await bot.say(f"/budget raise global/all/day {wrong}", by=OPERATOR)).text
            assert wrong in said


UNPRICED = """
[[models]]
id = "claude-opus-5"
name = "Claude Opus 5"
context_window_tokens = 1_000_000
max_output_tokens = 128_000
min_cacheable_tokens = 512
"""
ASK_UNPRICED = '[claude]\nmodel = "claude-opus-5"\nfallback_models = []\n'


async def test_an_unknown_price_is_not_zero(ready_url: str) -> None:
    """What can't be known is said to be so."""
    async with engine(ready_url, ASK_UNPRICED, models=UNPRICED) as rig:
        await rig.ask("Hello?")
        said = await rig.ask("/usage me")
        assert "**1 request of unknown cost**" in said
        assert "| not known |" in said


async def test_an_admin_raises_and_resets_a_budget(ready_url: str) -> None:
    """Raised, there is room again; reset, it begins afresh; both say so, and are recorded."""
    async with engine(ready_url, BUDGETS) as rig:
        rig.claude.script.always(LONG)
        await rig.ask("One?", thread=rig.thread("1"))
        refused = await rig.end_of(rig.say("More?", thread=rig.thread("2")))
        assert refused.outcome == "over_budget"
        name = "channel/memory:home:general/month"
        assert f"| `{name}` |" in await rig.ask("/budget", by=BOSS)
        assert "of $0.0900" in await rig.ask(f"/budget raise {name} 0.05", by=BOSS)
        again = await rig.end_of(rig.say("And now?", thread=rig.thread("3")))
        assert again.outcome == "answered"
        reset = await rig.ask(f"/budget reset {name}", by=BOSS)
        assert reset == f"`{name}` begins afresh: $0.00 of $0.0900 spent."
        changes = await rig.database.read(budgets.changes_since, datetime(2020, 1, 1, tzinfo=UTC))
        assert [(each.action, each.changed_by) for each in changes] == [
            ("reset", "memory:home:U2"),
            ("raise", "memory:home:U2"),
        ]
        assert changes[0].amount_nanousd == rig.claude.bill().total_nanousd
        assert changes[1].amount_nanousd == 50_000_000


async def test_the_bots_page_tells_what_the_person_used(ready_url: str) -> None:
    """This month's answers and cost stand above the commands."""
    async with engine(ready_url) as rig:
        rig.claude.script.always(LONG)
        for number in range(2):
            await rig.ask("What?", thread=rig.thread(str(number)))
        own = readable(rig.claude.bill().total_nanousd)
        page = await rig.replicas[0].intake.home("memory:home", ADA)
        assert f"2 answers, {own}." in page
        assert page.index("2 answers") < page.index("`/usage [WHAT]`")
        assert "/budget" not in page
        assert "0 answers, $0.00." in await rig.replicas[0].intake.home("memory:home", GRACE)
