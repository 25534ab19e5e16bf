"""The limits of buttons, selects and what holds them.

https://discord.com/developers/docs/components/reference
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.discord.errors import FormErrors, listed_objects
from sandbox.discord.messages import walk_components

ROW = 1
BUTTON = 2
TEXT_INPUT = 4
SELECTS = frozenset({3, 5, 6, 7, 8})
TEXT_DISPLAY = 10
LINK_STYLE = 5
MAX_ROWS = 5
MAX_BUTTONS = 5
MAX_CUSTOM_ID = 100
MAX_LABEL = 80
MAX_OPTIONS = 25
MAX_V2_COMPONENTS = 40
MAX_V2_TEXT = 4_000
_V2_TYPES = frozenset({ROW, 9, TEXT_DISPLAY, 12, 13, 14, 17})


def kind_of(part: Mapping[str, Any]) -> int:
    """The type of a component; 0, which there is not, if it has none."""
    kind = part.get("type")
    return kind if isinstance(kind, int) else 0


def check_components(
    components: Sequence[Mapping[str, Any]], errors: FormErrors, *, v2: bool
) -> None:
    """Complain about what does not fit together, is too long or too much."""
    if v2:
        _check_v2(components, errors)
    else:
        errors.too_many("components", components, MAX_ROWS)
    for at, row in enumerate(components):
        kinds = _V2_TYPES if v2 else {ROW}
        if kind_of(row) not in kinds:
            errors.add(
                f"components.{at}.type", "BASE_TYPE_CHOICES", f"Value must be one of {kinds}."
            )
        elif kind_of(row) == ROW:
            _check_row(row, f"components.{at}", errors)
    _check_custom_ids(components, errors)


def _check_row(row: Mapping[str, Any], path: str, errors: FormErrors) -> None:
    parts = listed_objects(row, "components", errors)
    if not parts or len(parts) > MAX_BUTTONS:
        errors.add(
            f"{path}.components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length."
        )
    if len(parts) > 1 and any(kind_of(part) in SELECTS for part in parts):
        errors.add(
            f"{path}.components",
            "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
            "The component layout is too wide.",
        )
    for at, part in enumerate(parts):
        if kind_of(part) == BUTTON:
            _check_button(part, f"{path}.components.{at}", errors)
        elif kind_of(part) in SELECTS:
            _check_custom_id(part, f"{path}.components.{at}", errors)
            errors.too_many(f"{path}.components.{at}.options", part.get("options"), MAX_OPTIONS)
        else:
            text = "Value must be a button or a select."
            errors.add(f"{path}.components.{at}.type", "BASE_TYPE_CHOICES", text)


def _check_button(button: Mapping[str, Any], path: str, errors: FormErrors) -> None:
    errors.too_long(f"{path}.label", button.get("label"), MAX_LABEL)
    if not button.get("label") and not button.get("emoji"):
        errors.add(path, "BUTTON_COMPONENT_INVALID", "A button must have a label or an emoji")
    if button.get("style") == LINK_STYLE:
        if not button.get("url"):
            errors.missing(f"{path}.url")
    elif button.get("style") not in (1, 2, 3, 4):
        errors.add(f"{path}.style", "BASE_TYPE_CHOICES", "Value must be one of {1, 2, 3, 4, 5, 6}.")
    else:
        _check_custom_id(button, path, errors)


def _check_custom_id(part: Mapping[str, Any], path: str, errors: FormErrors) -> None:
    if not isinstance(part.get("custom_id"), str) or not part["custom_id"]:
        errors.missing(f"{path}.custom_id")
    errors.too_long(f"{path}.custom_id", part.get("custom_id"), MAX_CUSTOM_ID)


def _check_custom_ids(components: Sequence[Mapping[str, Any]], errors: FormErrors) -> None:
    seen: set[str] = set()
    for part in walk_components(list(components)):
        custom_id = part.get("custom_id")
        if not isinstance(custom_id, str):
            continue
        if custom_id in seen:
            text = "Component custom id cannot be duplicated"
            errors.add("components", "COMPONENT_CUSTOM_ID_DUPLICATED", text)
        seen.add(custom_id)


def _check_v2(components: Sequence[Mapping[str, Any]], errors: FormErrors) -> None:
    parts = walk_components(list(components))
    errors.too_many("components", parts, MAX_V2_COMPONENTS)
    text = "".join(str(part.get("content", "")) for part in parts if kind_of(part) == TEXT_DISPLAY)
    errors.too_long("components", text, MAX_V2_TEXT)
