"""What the API looks at in an image or a PDF: its real type, its size, its pages."""

import base64
import binascii
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass

IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")
UNKNOWN_IMAGE_TOKENS = 1_600
"""What an image whose size is not known counts: about the largest after scaling down."""
_PIXELS_PER_TOKEN = 750
"""From the provider's vision page: tokens = width x height / 750."""
_LONGEST_EDGE_PX = 1_568
"""Larger images are scaled down to this before they are counted."""
_PDF_PAGE = re.compile(rb"/Type\s*/Page(?![A-Za-z])")


class BadMedia(Exception):
    """The data can't be read as what it claims to be."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image's real type and its size in pixels."""

    media_type: str
    width_px: int
    height_px: int


def decode(data: object) -> bytes:
    """The bytes of a base64 `data` field. Raises `BadMedia` if it is none."""
    if not isinstance(data, str) or not data:
        raise BadMedia("base64 data must be a non-empty string")
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadMedia("invalid base64 data") from error


def read_image(content: bytes) -> Image:
    """Type and size of an image. Raises `BadMedia` if it is none of the four kinds."""
    for magic, reader in _READERS:
        if content.startswith(magic):
            try:
                return reader(content)
            except (struct.error, IndexError) as error:
                raise BadMedia("Could not process image") from error
    raise BadMedia("Could not process image")


def _png(content: bytes) -> Image:
    width, height = struct.unpack(">II", content[16:24])
    return Image("image/png", width, height)


def _gif(content: bytes) -> Image:
    width, height = struct.unpack("<HH", content[6:10])
    return Image("image/gif", width, height)


def _jpeg(content: bytes) -> Image:
    at = 2
    while True:
        marker = content[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return Image("image/jpeg", width, height)
        at += 2 + struct.unpack(">H", content[at + 2 : at + 4])[0]


def _webp(content: bytes) -> Image:
    kind = content[12:16]
    if kind == b"VP8X":
        width = 1 + int.from_bytes(content[24:27], "little")
        height = 1 + int.from_bytes(content[27:30], "little")
    elif kind == b"VP8L":
        bits = struct.unpack("<I", content[21:25])[0]
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    else:
        raw_width, raw_height = struct.unpack("<HH", content[26:30])
        width, height = raw_width & 0x3FFF, raw_height & 0x3FFF
    return Image("image/webp", width, height)


_READERS = ((b"\x89PNG\r\n\x1a\n", _png), (b"GIF8", _gif), (b"\xff\xd8", _jpeg), (b"RIFF", _webp))


def image_tokens(block: Mapping[str, object]) -> int:
    """How many tokens an image block counts; a fixed number where only its address is known."""
    source = block["source"]
    assert isinstance(source, Mapping)  # validated before
    if source["type"] != "base64":
        return UNKNOWN_IMAGE_TOKENS
    image = read_image(decode(source["data"]))
    longest = max(image.width_px, image.height_px, 1)
    scale = min(1.0, _LONGEST_EDGE_PX / longest)
    pixels = int(image.width_px * scale) * int(image.height_px * scale)
    return min(UNKNOWN_IMAGE_TOKENS, max(1, pixels // _PIXELS_PER_TOKEN))


def pdf_pages(source: Mapping[str, object]) -> int:
    """How many pages a PDF has, at least one. Raises `BadMedia` if it is no PDF."""
    content = decode(source["data"])
    if not content.startswith(b"%PDF-"):
        raise BadMedia("The PDF specified was not valid.")
    return max(1, len(_PDF_PAGE.findall(content)))
