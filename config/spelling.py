"""Variables that look like a slip of the pen."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from config.environment import VARIABLES

_PREFIXES = ("ANTHROPIC_", "SLACK_", "DISCORD_", "DATABASE_", "PARLEY_")
_CUTOFF = 0.82  # lets DISCORD_BOT_TOKEN pass for DISCORD_TOKEN, and not SLACK_APP_ID for a token


def misspelt_variables(places: Mapping[str, str], known_set: Iterable[str]) -> list[str]:
    """A sentence for each variable that is not read but close to one that is read and not set.

    `places` maps the name of each variable that is set to where that is; `known_set` are those of
    `VARIABLES` that are set.
    """
    unset = [name for name in VARIABLES if name not in set(known_set)]
    sentences = []
    for name, place in places.items():
        if name in VARIABLES or not name.startswith(_PREFIXES):
            continue
        meant = get_close_matches(name, unset, n=1, cutoff=_CUTOFF)
        if meant:
            sentences.append(f"{place}: {name}: is not read by Parley; did you mean {meant[0]}?")
    return sentences
