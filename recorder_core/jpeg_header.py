"""The frame header of a JPEG picture (ITU-T T.81): for Motion JPEG it does what parameter sets do for other codecs.

Nothing here trusts its input: whatever a camera sends, the answer is a header, a size or None, and what is read is
bounded whatever the picture's own lengths say.
"""

from __future__ import annotations

import re
import struct

MOST_BYTES_BEFORE_HEADER = 1 << 20
"""Tables and comments that precede a frame header are a few hundred bytes; with a thumbnail in them, 64 KiB."""

_START_OF_IMAGE = b"\xff\xd8"

# A marker is FF and a code, before which any number of fill bytes FF may stand (section B.1.1.2).
_MARKER = re.compile(rb"\xff+([^\x00\xff])", re.DOTALL)

# Table B.1. TEM, RSTm and SOI are no segments and have no business before a frame header; with EOI and SOS it is too
# late for one. The frames that decoders know: baseline, extended sequential, and progressive with Huffman codes.
_NOT_BEFORE_HEADER = frozenset({0x01, *range(0xD0, 0xDB)})
_KNOWN_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
_OTHER_FRAMES = frozenset({0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)})

# Section B.2.2: marker, length, sample precision, lines, samples per line, number of components.
_HEAD = struct.Struct(">2sHBHHB")
_COMPONENT_BYTES = 3
_MOST_COMPONENTS = 4


def frame_header(picture: bytes) -> bytes | None:
    """Return the frame header of a picture, marker included; None where it has none that a decoder would take."""
    if not picture.startswith(_START_OF_IMAGE):
        return None
    at, limit = len(_START_OF_IMAGE), min(len(picture), MOST_BYTES_BEFORE_HEADER)
    while (marker := _MARKER.match(picture, at, limit)) is not None:
        code, at = marker[1][0], marker.end()
        size = int.from_bytes(picture[at : at + 2])
        if code in _KNOWN_FRAMES:
            header = bytes((0xFF, code)) + picture[at : at + size]
            return header if picture_size(header) is not None else None
        if code in _NOT_BEFORE_HEADER or code in _OTHER_FRAMES or size < 2:
            return None
        at += size
    return None


def picture_size(header: bytes) -> tuple[int, int] | None:
    """Return width and height in pixels, as a frame header gives them; None where it is malformed.

    A height of 0, to be told behind the first scan (section B.2.5), is not understood.
    """
    if len(header) < _HEAD.size:
        return None
    marker, size, _, height, width, components = _HEAD.unpack_from(header)
    if marker[0] != 0xFF or marker[1] not in _KNOWN_FRAMES:
        return None
    if not 1 <= components <= _MOST_COMPONENTS or size != _HEAD.size - 2 + _COMPONENT_BYTES * components:
        return None
    if len(header) != size + 2 or not width or not height:
        return None
    return width, height
