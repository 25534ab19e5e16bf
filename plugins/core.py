"""Everyday commands: what there is, begin afresh, forget me."""

from bot.plugins import Context, Plugin, Table

plugin = Plugin("core", api=1, summary="Help, begin afresh, be forgotten.")


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
