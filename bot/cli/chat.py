"""`parley chat`: a conversation in this terminal, with the real Claude."""

import click

from bot.cli.frame import settings_or_exit


@click.command("chat")
@click.argument("message", required=False)
def command(message: str | None) -> None:
    """Talk to the bot in this terminal; MESSAGE, if given, is said first.

    Each line of a pipe is answered in turn. Ctrl-C stops a running answer, Ctrl-D ends. What was said is
    kept beside the database, and an answer that was cut short by a crash is completed at the next start.
    """
    from config import Problem, SettingsError

    settings = settings_or_exit()
    if settings.secrets.anthropic_api_key is None:
        what = "is missing, and without it Claude can't be asked"
        remedy = "set it in the environment or in .env, or try `parley sandbox`, which needs none"
        raise SettingsError([Problem("environment", "ANTHROPIC_API_KEY", what, remedy)])
    from bot.cli.serving import run_service, told_plainly
    from bot.cli.talking import talk

    run_service(told_plainly(talk(settings, first_message=message)))
