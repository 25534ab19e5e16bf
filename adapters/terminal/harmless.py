"""Text from a model or another person, fit to be printed: it can't move the cursor or set a title."""

from typing import Final

_KEPT: Final = "\t\n"
_CONTROL_PICTURES: Final = 0x2400  # U+2400 and following show the characters from 0 to 31
_DELETE: Final = 0x7F
_REPLACEMENT: Final = "\ufffd"

_VISIBLE: Final = {
    **{code: chr(_CONTROL_PICTURES + code) for code in range(0x20) if chr(code) not in _KEPT},
    _DELETE: "\u2421",
    **dict.fromkeys(range(0x80, 0xA0), _REPLACEMENT),  # C1: some terminals obey them
    **dict.fromkeys(range(0x202D, 0x202F), _REPLACEMENT),  # overrides of the writing direction
}


def harmless(text: str) -> str:
    """The same text with control characters made visible instead of obeyed, and encodable."""
    shown = text.replace("\r\n", "\n").translate(_VISIBLE)
    return shown.encode("utf-8", "replace").decode()  # a lone surrogate becomes a question mark
