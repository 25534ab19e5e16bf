"""Buttons in a terminal: the options are listed, and a word chooses one."""

from bot.ports import Choice


def question_of(choice: Choice) -> str:
    """What the person is asked, and with which words they can answer."""
    words = " or ".join(f'"{option.label}"' for option in choice.options)
    return f"{choice.question} Type {words}."


def option_in(line: str | None, choice: Choice) -> str | None:
    """The option that a line means: its label or the beginning of it, `y` and `n` for the first and the
    last. The end of the input chooses the last, which is the one that does nothing."""
    if line is None:
        return choice.options[-1].id
    word = line.strip().lower()
    if word in ("y", "yes"):
        return choice.options[0].id
    if word in ("n", "no"):
        return choice.options[-1].id
    fitting = [option.id for option in choice.options if option.label.lower().startswith(word)]
    return fitting[0] if word and len(fitting) == 1 else None
