"""Everyday commands: what there is, which model, begin afresh, what I think of it, forget me."""

from typing import Literal

from bot.plugins import Ask, Context, ModelsHere, Person, Plugin, Role, Table, Told

FOLLOWUPS = {
    "auto": "only while one person speaks with it; among several it waits for a mention",
    "mention": "only when it is mentioned",
    "always": "always",
}
DEFAULT = "default"
EVERYWHERE = "channel"

MAX_WORDS_CHARS = 2_000
MAX_KEPT = 50
"""So many remarks of a person are kept, the newest ones."""
SHOWN = 20
PREFIX = "feedback "

plugin = Plugin("core", api=1, summary="Help, models, settings, feedback, begin afresh.")


@plugin.command("help", private=True)
async def help_(ctx: Context, command: str = "") -> str:
    """What I can do, or how a command is called."""
    known = {each.name: each for each in ctx.commands()}
    asked = command.strip().lstrip("/").lower()
    if asked in known:
        found = known[asked]
        more = f"\n\n{found.description}" if found.description else ""
        return f"`{found.usage}`\n\n{found.summary}{more}"
    unknown = f"There is no command `/{asked}`. " if asked else ""
    table = Table(
        ("Command", "What it does"), [(f"`{each.usage}`", each.summary) for each in known.values()]
    )
    return f"{unknown}Ask me anything, or use a command:\n\n{table.markdown()}"


@plugin.command("ask")
async def ask(_ctx: Context, question: str) -> Ask:
    """Ask Claude something; the same as saying it."""
    return Ask(question)


@plugin.command("model")
async def model(ctx: Context, name: str = "", where: Literal["", "channel"] = "") -> str:
    """Which model answers here, or another one: /model opus, /model opus channel, /model default

    Anybody may choose for a thread, and an admin for the whole channel. A thread's choice is the stronger
    one; `default` goes back to what holds without it.
    """
    if not name:
        return _told(ctx.models())
    if where == EVERYWHERE and not ctx.role.allows(Role.ADMIN):
        raise Told("Only an admin can choose the model for a channel; for this thread you can.")
    chosen = None if name.lower() == DEFAULT else _named(name, ctx.models())
    return _told(await ctx.choose_model(chosen, channel=where == EVERYWHERE))


@plugin.command("settings", private=True)
async def settings(ctx: Context) -> str:
    """What is in force here: the model, limits, when I answer, and plugins."""
    rules, models = ctx.rules(), ctx.models()
    limit = f"{rules.channel_messages} answers in {rules.channel_per_s:g} s"
    above = "then later" if rules.on_limit == "queue" else "then not at all"
    rows: list[tuple[str, object]] = [
        ("Model", _told(models)),
        ("If it can't be had", ", ".join(rules.fallback_models) or "nothing"),
        ("Limit of this channel", f"{limit}, {above}"),
        ("I answer in threads", FOLLOWUPS.get(rules.followups, rules.followups)),
        ("Plugins", ", ".join(rules.plugins)),
        ("Texts are kept", f"{rules.text_days} days" if rules.text_days else "for ever"),
    ]
    if ctx.role.allows(Role.ADMIN):
        rows += [
            ("May be chosen", ", ".join(models.allowed)),
            ("Model in the settings", models.configured),
            ("Effort", rules.effort),
            ("Longest answer", f"{rules.max_output_tokens:,} tokens, {rules.deadline_s:g} s"),
            ("Longest conversation", f"{rules.max_input_tokens:,} tokens, then it is summarised"),
        ]
    return Table(("What", "Here"), rows).markdown()


@plugin.command("feedback", private=True)
async def feedback(ctx: Context, rating: Literal["good", "bad"], words: str = "") -> str:
    """Say whether my last answer in this thread was good or bad, and why if you like."""
    turn = await ctx.rate(good=rating == "good")
    if turn is None:
        raise Told("I have not answered anything in this thread yet.")
    if words:
        await _keep(ctx, turn, rating, words)
    return "Thank you, I have noted that."


@plugin.command("feedbacks", role=Role.ADMIN, private=True)
async def feedbacks(ctx: Context) -> str:
    """What people said about my answers in this channel, the newest first."""
    found = (await ctx.store.everywhere.items(PREFIX)).values()
    here = [each for each in found if each["channel"] == ctx.channel.key]
    if not here:
        return "Nobody has said anything about answers in this channel."
    newest = sorted(here, key=lambda each: str(each["at"]), reverse=True)[:SHOWN]
    rows = [(each["at"][:16].replace("T", " "), each["rating"], each["words"]) for each in newest]
    return Table(("When (UTC)", "Rating", "Words"), rows).markdown()


@plugin.command("reset")
async def reset(ctx: Context) -> str:
    """Begin afresh: I forget what was said in this thread."""
    await ctx.reset()
    return "We begin afresh: I no longer know what was said in this thread."


@plugin.command("forget-me", private=True)
async def forget_me(ctx: Context) -> str:
    """Delete what plugins keep about you."""
    failed = await ctx.forget_person()
    if failed:
        return f"I could not make {' and '.join(failed)} forget you. Please tell whoever runs me."
    return "Done: no plugin keeps anything about you any more."


@plugin.forget
async def forget(ctx: Context, person: Person) -> None:
    """What they said about answers."""
    for key in await ctx.store.everywhere.items(_prefix(ctx, person)):
        await ctx.store.everywhere.delete(key)


def _named(name: str, models: ModelsHere) -> str:
    """The model that is meant: by its name, or by a part that is no other's. Raises `Told`."""
    asked = name.lower()
    if asked in models.allowed:
        return asked
    meant = [each for each in models.allowed if asked in each]
    if len(meant) != 1:
        what = "could be several models" if meant else "is no model that can be chosen here"
        raise Told(f"`{name}` {what}; there are {', '.join(models.allowed)}.")
    return meant[0]


def _told(models: ModelsHere) -> str:
    why = f"chosen for this {models.chosen_for}" if models.chosen_for else "as in the settings"
    return f"`{models.current}` answers here ({why})."


async def _keep(ctx: Context, turn: str, rating: str, words: str) -> None:
    mine = _prefix(ctx, ctx.person)
    said = {
        "channel": ctx.channel.key,
        "rating": rating,
        "words": words[:MAX_WORDS_CHARS],
        "at": ctx.now().isoformat(),
    }
    await ctx.store.everywhere.set(f"{mine}{turn}", said)
    kept = await ctx.store.everywhere.items(mine)
    for key in sorted(kept, key=lambda each: str(kept[each]["at"]))[:-MAX_KEPT]:
        await ctx.store.everywhere.delete(key)


def _prefix(ctx: Context, person: Person) -> str:
    return f"{PREFIX}{person.key_in(ctx.channel.workspace_key)} "
