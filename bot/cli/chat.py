"""`parley chat`: a conversation in this terminal, with the real Claude."""

import click

from bot.cli.frame import examples, require_claude_key, settings_or_exit


@click.command(
    "chat",
    epilog=examples(
        "parley chat",
        'parley chat "What is a lease?"',
        "cat questions.txt | parley chat > answers.txt",
    ),
)
@click.argument("message", required=False)
def command(message: str | None) -> None:
    """Talk to the bot in this terminal; MESSAGE, if given, is said first.

    Each line of a pipe is answered in turn. Ctrl-C stops a running answer, Ctrl-D ends. What was said is
    kept beside the database, and an answer that was cut short by a crash is completed at the next start.
    """
    settings = settings_or_exit()
    require_claude_key(settings)
    from bot.cli.serving import run_service, told_plainly
    from bot.cli.talking import talk

    run_service(told_plainly(talk(settings, first_message=message)))
