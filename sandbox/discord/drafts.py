"""What a request wants a message to say, checked by Discord's rules.

https://discord.com/developers/docs/resources/message#create-message
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sandbox.discord.components import TEXT_DISPLAY, check_components
from sandbox.discord.embeds import check_embeds
from sandbox.discord.errors import ApiError, FormErrors, refusal
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
    channel_id: int | None = None
    must_exist: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message about to be."""

    content: str
    embeds: tuple[Part, ...]
    components: tuple[Part, ...]
    attachments: tuple[Attachment, ...]
    flags: MessageFlag
    allowed: AllowedMentions
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
    content = body.get("content", base.content if base else "") or ""
    if not isinstance(content, str):
        errors.add("content", "BASE_TYPE_STRING", "Must be a string.")
        content = ""
    errors.too_long("content", content, MAX_CONTENT)
    embeds = _kept(body, "embeds", base.embeds if base else ())
    components = _kept(body, "components", base.components if base else ())
    flags = _flags(body, base)
    check_embeds(embeds, errors)
    check_components(components, errors, v2=MessageFlag.IS_COMPONENTS_V2 in flags)
    if MessageFlag.IS_COMPONENTS_V2 in flags and (content or embeds):
        text = "The 'content' field cannot be used when using MessageFlags.IS_COMPONENTS_V2"
        errors.add("content", "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", text)
    allowed = read_allowed_mentions(body.get("allowed_mentions"), errors, default=mentions)
    nonce = _nonce(body, errors)
    reference = _reference(body, errors)
    described = _described(body, uploads, errors)
    errors.finish()
    draft = Draft(
        content=content.strip(),
        embeds=embeds,
        components=components,
        attachments=_attachments(body, uploads, described, attach, base),
        flags=flags,
        allowed=allowed,
        tts=bool(body.get("tts")),
        nonce=nonce,
        enforce_nonce=bool(body.get("enforce_nonce")),
        reference=reference,
    )
    if not (draft.content or draft.embeds or draft.components or draft.attachments):
        raise refusal(50006)
    return draft


def _kept(body: Mapping[str, Any], name: str, base: tuple[Part, ...]) -> tuple[Part, ...]:
    return tuple(body[name] or ()) if name in body else base


def _flags(body: Mapping[str, Any], base: Version | None) -> MessageFlag:
    """An edit can change neither who sees a message nor what Discord itself notes of it."""
    kept = (base.flags if base else MessageFlag(0)) & ~MessageFlag.LOADING
    if body.get("flags") is None:
        return kept
    given = MessageFlag(int(body["flags"])) & SETTABLE_FLAGS
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
    channel_id = given.get("channel_id")
    return Reference(
        message_id=int(message_id),
        channel_id=None if channel_id is None else int(channel_id),
        must_exist=bool(given.get("fail_if_not_exists", True)),
    )


def _described(
    body: Mapping[str, Any], uploads: tuple[Upload, ...], errors: FormErrors
) -> Mapping[str, Mapping[str, Any]]:
    """What the request says of the files it brings, by their form field."""
    errors.too_many("attachments", body.get("attachments"), MAX_FILES)
    if len(uploads) > MAX_FILES:
        errors.too_many("files", uploads, MAX_FILES)
    if any(len(upload.content) > MAX_FILE_BYTES for upload in uploads):
        raise refusal(40005)
    found: dict[str, Mapping[str, Any]] = {}
    for at, given in enumerate(body.get("attachments") or []):
        errors.too_long(f"attachments.{at}.description", given.get("description"), MAX_DESCRIPTION)
        found[f"files[{given.get('id')}]"] = given
    return found


def _attachments(
    body: Mapping[str, Any],
    uploads: tuple[Upload, ...],
    described: Mapping[str, Mapping[str, Any]],
    attach: NewAttachment,
    base: Version | None,
) -> tuple[Attachment, ...]:
    kept = base.attachments if base else ()
    if "attachments" in body:
        wanted = {str(given.get("id")): given for given in body["attachments"] or []}
        kept = tuple(
            replace(each, description=wanted[str(each.id)].get("description", each.description))
            for each in kept
            if str(each.id) in wanted
        )
    new = tuple(
        attach(upload, described.get(upload.key, {}).get("description")) for upload in uploads
    )
    if len(kept) + len(new) > MAX_FILES:
        raise ApiError(
            400, code=30015, message="Maximum number of attachments in a message reached (10)"
        )
    return kept + new
