"""What a request wants a message to say, checked by Discord's rules.

https://discord.com/developers/docs/resources/message#create-message
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sandbox.discord.components import TEXT_DISPLAY, check_components
from sandbox.discord.embeds import check_embeds
from sandbox.discord.errors import ApiError, FormErrors, listed_objects, refusal
from sandbox.discord.mentions import ALL_MENTIONS, AllowedMentions, read_allowed_mentions
from sandbox.discord.messages import Attachment, MessageFlag, Part, Version, walk_components

MAX_CONTENT = 2_000
MAX_NONCE = 25
MAX_FILES = 10
MAX_FILE_BYTES = 10 * 1024 * 1024
"""Of each file (https://discord.com/developers/docs/reference#uploading-files)."""
MAX_DESCRIPTION = 1_024

SETTABLE_FLAGS = (
    MessageFlag.SUPPRESS_EMBEDS
    | MessageFlag.SUPPRESS_NOTIFICATIONS
    | MessageFlag.IS_COMPONENTS_V2
    | MessageFlag.EPHEMERAL
)
CHANGEABLE_FLAGS = MessageFlag.SUPPRESS_EMBEDS | MessageFlag.IS_COMPONENTS_V2


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file as it came in: `key` is its form field, such as `files[0]`."""

    key: str
    filename: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Which message is replied to."""

    message_id: int
    must_exist: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message about to be."""

    content: str
    embeds: tuple[Part, ...]
    components: tuple[Part, ...]
    flags: MessageFlag
    allowed: AllowedMentions
    attachments: tuple[Attachment, ...] = ()
    tts: bool = False
    nonce: str | int | None = None
    enforce_nonce: bool = False
    reference: Reference | None = None

    @property
    def text(self) -> str:
        """All text in which mentions count."""
        parts = walk_components(self.components)
        shown = [str(part.get("content", "")) for part in parts if part.get("type") == TEXT_DISPLAY]
        return "\n".join([self.content, *shown])

    def check_whole(self) -> None:
        """Raise what is wrong with it as a whole: nothing to be seen, or too many files."""
        if not (self.content or self.embeds or self.components or self.attachments):
            raise refusal(50006)
        if len(self.attachments) > MAX_FILES:
            text = f"Maximum number of attachments in a message reached ({MAX_FILES})"
            raise ApiError(400, code=30015, message=text)


NewAttachment = Callable[[Upload, str | None], Attachment]


def read_draft(
    body: Mapping[str, Any],
    uploads: tuple[Upload, ...],
    *,
    attach: NewAttachment,
    base: Version | None = None,
    mentions: AllowedMentions = ALL_MENTIONS,
) -> Draft:
    """The message that a request describes; on an edit, what it leaves out stays as in `base`.
    `mentions` may ping if it says nothing of that.

    Raises:
        ApiError: 50035 with all that is wrong, 50006 if nothing is left to be shown, 40005 for
            files that are too large.
    """
    errors = FormErrors()
    flags = _flags(body, base, errors)
    described = _described(body, uploads, errors)
    draft = Draft(
        content=_content(body, base, errors),
        embeds=_embeds(body, base, errors),
        components=_components(body, base, flags, errors),
        flags=flags,
        allowed=read_allowed_mentions(body.get("allowed_mentions"), errors, default=mentions),
        tts=bool(body.get("tts")),
        nonce=_nonce(body, errors),
        enforce_nonce=bool(body.get("enforce_nonce")),
        reference=_reference(body, errors),
    )
    if MessageFlag.IS_COMPONENTS_V2 in flags and (draft.content or draft.embeds):
        text = "The 'content' field cannot be used when using MessageFlags.IS_COMPONENTS_V2"
        errors.add("content", "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", text)
    errors.finish()
    kept = _kept_attachments(body, described, base)
    draft = replace(draft, attachments=kept + _new_attachments(uploads, described, attach))
    draft.check_whole()
    return draft


def _content(body: Mapping[str, Any], base: Version | None, errors: FormErrors) -> str:
    """Blanks around a text are cut off."""
    given = body.get("content", base.content if base else None)
    if given is not None and not isinstance(given, str):
        errors.add("content", "BASE_TYPE_STRING", "Must be a string.")
    errors.too_long("content", given, MAX_CONTENT)
    return given.strip() if isinstance(given, str) else ""


def _embeds(body: Mapping[str, Any], base: Version | None, errors: FormErrors) -> tuple[Part, ...]:
    if "embeds" not in body and base is not None:
        return base.embeds
    embeds = listed_objects(body, "embeds", errors)
    check_embeds(embeds, errors)
    return embeds


def _components(
    body: Mapping[str, Any], base: Version | None, flags: MessageFlag, errors: FormErrors
) -> tuple[Part, ...]:
    if "components" not in body and base is not None:
        return base.components
    components = listed_objects(body, "components", errors)
    check_components(components, errors, v2=MessageFlag.IS_COMPONENTS_V2 in flags)
    return components


def _flags(body: Mapping[str, Any], base: Version | None, errors: FormErrors) -> MessageFlag:
    """An edit can change neither who sees a message nor what Discord itself notes of it."""
    kept = (base.flags if base else MessageFlag(0)) & ~MessageFlag.LOADING
    value = body.get("flags")
    if value is not None and (not isinstance(value, int) or value < 0):
        errors.add("flags", "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
        return kept
    if value is None:
        return kept
    given = MessageFlag(value) & SETTABLE_FLAGS
    if base is None:
        return given
    return (kept & ~CHANGEABLE_FLAGS) | (given & CHANGEABLE_FLAGS)


def _nonce(body: Mapping[str, Any], errors: FormErrors) -> str | int | None:
    nonce = body.get("nonce")
    if isinstance(nonce, str):
        errors.too_long("nonce", nonce, MAX_NONCE)
    elif nonce is not None and not isinstance(nonce, int):
        errors.add("nonce", "NONCE_TYPE_INVALID", "Nonce must be a string or an integer.")
    return nonce if isinstance(nonce, str | int) else None


def _reference(body: Mapping[str, Any], errors: FormErrors) -> Reference | None:
    given = body.get("message_reference")
    if not isinstance(given, Mapping):
        return None
    message_id = str(given.get("message_id", ""))
    if not message_id.isdigit():
        errors.missing("message_reference.message_id")
        return None
    return Reference(
        message_id=int(message_id),
        must_exist=bool(given.get("fail_if_not_exists", True)),
    )


def _described(
    body: Mapping[str, Any], uploads: tuple[Upload, ...], errors: FormErrors
) -> Mapping[str, Mapping[str, Any]]:
    """What the request says of files, by the form field that would bring them."""
    given = listed_objects(body, "attachments", errors)
    errors.too_many("attachments", given, MAX_FILES)
    errors.too_many("files", uploads, MAX_FILES)
    if any(len(upload.content) > MAX_FILE_BYTES for upload in uploads):
        raise refusal(40005)
    for at, each in enumerate(given):
        errors.too_long(f"attachments.{at}.description", each.get("description"), MAX_DESCRIPTION)
    return {f"files[{each.get('id')}]": each for each in given}


def _kept_attachments(
    body: Mapping[str, Any], described: Mapping[str, Mapping[str, Any]], base: Version | None
) -> tuple[Attachment, ...]:
    """Those that an edit keeps: all, or those that it lists."""
    present = base.attachments if base else ()
    if "attachments" not in body:
        return present
    wanted = ((each, described.get(f"files[{each.id}]")) for each in present)
    return tuple(
        replace(each, description=said.get("description", each.description))
        for each, said in wanted
        if said is not None
    )


def _new_attachments(
    uploads: tuple[Upload, ...],
    described: Mapping[str, Mapping[str, Any]],
    attach: NewAttachment,
) -> tuple[Attachment, ...]:
    return tuple(
        attach(upload, described.get(upload.key, {}).get("description")) for upload in uploads
    )
