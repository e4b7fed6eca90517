"""Boxes of ISO/IEC 14496-12 section 4.2: packing them, and walking through them without trusting a byte.

Reading raises `Mp4Error` and nothing else, and each step moves forward, so no input makes it loop.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER = struct.Struct(">I4s")
_LARGE_HEADER = struct.Struct(">I4sQ")
HEADER_BYTES = _HEADER.size
LARGE_HEADER_BYTES = _LARGE_HEADER.size
UUID_BYTES = 16


class Mp4Error(ValueError):
    """The bytes are not what the recorder writes, or only a part of it."""


@dataclass(frozen=True, slots=True)
class BoxHeader:
    """Kind and place of a box: it starts at `offset`, its payload at `payload`, the next box at `end`, in bytes."""

    kind: bytes
    offset: int
    payload: int
    end: int


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box of a four-character kind around the joined parts; for boxes of less than 4 GiB."""
    body = b"".join(parts)
    return _HEADER.pack(HEADER_BYTES + len(body), kind) + body


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """A box that begins with a version and 24 bits of flags."""
    return box(kind, (version << 24 | flags).to_bytes(4), *parts)


def uuid_box(extended_type: bytes, *parts: bytes) -> bytes:
    """A box of a kind of our own, told by its 16-byte extended type."""
    return box(b"uuid", extended_type, *parts)


def mdat_header(size: int) -> bytes:
    """What stands before `size` bytes of media data: 8 bytes, or 16 where the box would reach 4 GiB."""
    if size + HEADER_BYTES <= 0xFFFF_FFFF:
        return _HEADER.pack(HEADER_BYTES + size, b"mdat")
    return _LARGE_HEADER.pack(1, b"mdat", LARGE_HEADER_BYTES + size)


def parse_header(data: bytes, offset: int, limit: int) -> BoxHeader:
    """Read a header from its first 8 to 16 bytes; the box stands at `offset` and must end at or before `limit`.

    A size of 0 ("to the end of the file") is refused: the recorder never writes it, and it would swallow what follows.

    Raises:
        Mp4Error: the header is truncated, or the size impossible.
    """
    if len(data) < HEADER_BYTES:
        raise Mp4Error(f"A box at {offset} is truncated")
    size, kind = _HEADER.unpack_from(data)
    header_bytes = HEADER_BYTES
    if size == 1:
        if len(data) < LARGE_HEADER_BYTES:
            raise Mp4Error(f"A box at {offset} is truncated")
        size = _LARGE_HEADER.unpack_from(data)[2]
        header_bytes = LARGE_HEADER_BYTES
    if size < header_bytes or size > limit - offset:
        raise Mp4Error(f"A box at {offset} has the impossible size {size}")
    return BoxHeader(kind, offset, offset + header_bytes, offset + size)


def iter_boxes(data: bytes, start: int, end: int) -> Iterator[BoxHeader]:
    """The boxes that lie one behind the other between two offsets of `data`.

    Raises:
        Mp4Error: one of them does not fit.
    """
    offset = start
    while offset < end:
        header = parse_header(data[offset : min(offset + LARGE_HEADER_BYTES, end)], offset, end)
        yield header
        offset = header.end


def find_box(data: bytes, start: int, end: int, *path: bytes) -> BoxHeader:
    """The first box at a path of kinds of plain container boxes.

    Raises:
        Mp4Error: there is none.
    """
    found = BoxHeader(b"", start, start, end)
    for kind in path:
        inner = (header for header in iter_boxes(data, found.payload, found.end) if header.kind == kind)
        try:
            found = next(inner)
        except StopIteration:
            raise Mp4Error(f"There is no {kind.decode('latin-1')} box") from None
    return found
