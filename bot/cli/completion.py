"""`parley completion`: what a shell needs to complete Parley's commands."""

import click
from click.shell_completion import get_completion_class

from bot.cli.frame import examples

SHELLS = ("bash", "zsh", "fish")


@click.command(
    "completion",
    epilog=examples(
        "parley completion bash >> ~/.bashrc",
        "parley completion zsh >> ~/.zshrc",
        "parley completion fish > ~/.config/fish/completions/parley.fish",
    ),
)
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> None:
    """Print the lines with which SHELL completes commands, options and their values.

    They ask `parley` itself, so they need not be printed again for another release.
    """
    from bot.cli import parley

    found = get_completion_class(shell)
    if found is None:
        raise click.ClickException(f"click knows no completion for {shell}")
    click.echo(found(parley, {}, "parley", "_PARLEY_COMPLETE").source())
