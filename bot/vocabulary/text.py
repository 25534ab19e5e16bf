"""Text that every database and every platform takes."""

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
MAX_LABEL_CHARS = 100


def storable(text: str) -> str:
    """The text with what can't be stored replaced: NUL, which PostgreSQL refuses, and halves of
    surrogate pairs, which UTF-8 can't express."""
    if "\x00" in text:
        text = text.replace("\x00", REPLACEMENT)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def label(name: str) -> str:
    """A name that people chose, as it can stand in a line of ours: one line, at most `MAX_LABEL_CHARS`
    long, without the brackets that mark what is not theirs."""
    line = " ".join(name.split()).replace("[", "(").replace("]", ")")
    return line if len(line) <= MAX_LABEL_CHARS else f"{line[: MAX_LABEL_CHARS - 1]}…"
