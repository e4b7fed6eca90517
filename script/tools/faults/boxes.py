"""Reads a recorded file as any reader of ISO/IEC 14496-12 could, and nothing of the recorder's own code.

What the boxes mean stands in docs/file-format.md. Whatever is torn ends the reading; what stands before it counts.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_IDENTITY: Final = bytes.fromhex("5c1b8f6e2d0a4d35a7e94b0c61f3d872")
_DIGESTS: Final = bytes.fromhex("e0d7a9344f1e4b5c9a3f7c2d18b6640e")
_NTP_TO_1970_S: Final = 2_208_988_800
_TICKS: Final = 90_000


@dataclass(frozen=True, slots=True)
class StoredSample:
    """A sample as it lies in a file: SHA-256 of its bytes, presentation in UTC microseconds, and whether it is whole.

    Whole means that its bytes have the digest that stands in the file.
    """

    sha256: str
    time_us: int
    whole: bool


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file as its boxes tell it.

    `size` is the picture's in pixels; `torn` counts the bytes behind the last whole fragment.
    """

    path: Path
    camera_id: str
    segment_id: int
    size: tuple[int, int]
    samples: tuple[StoredSample, ...]
    torn: int


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    begin: int
    payload: int
    end: int


def read_file(path: Path) -> StoredFile:
    """Read a file up to its last whole fragment. A file without a whole beginning has no camera and the id -1."""
    data = path.read_bytes()
    camera_id, segment_id, size = "", -1, (0, 0)
    samples: list[StoredSample] = []
    reference, digests, moof = (0, 0), b"", _Box(b"", 0, 0, 0)
    whole = 0
    for box in _boxes(data, 0, len(data)):
        if box.kind == b"moov":
            camera_id, segment_id = _identity(data, box)
            size = _picture_size(data, box)
            whole = box.end
        elif box.kind == b"prft":
            reference = _reference(data, box)
        elif box.kind == b"uuid" and data[box.payload : box.payload + 16] == _DIGESTS:
            digests = data[box.payload + 24 : box.end]
        elif box.kind == b"moof":
            moof = box
        elif box.kind == b"mdat":
            samples += _samples(data, moof, digests, reference)
            whole = box.end
    return StoredFile(path, camera_id, segment_id, size, tuple(samples), len(data) - whole)


def _boxes(data: bytes, position: int, end: int) -> Iterator[_Box]:
    """Yield the whole boxes between two positions."""
    while position + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, position)
        payload = position + 8
        if size == 1 and position + 16 <= end:
            size = int.from_bytes(data[payload : payload + 8])
            payload += 8
        if size < payload - position or position + size > end:
            return
        yield _Box(kind, position, payload, position + size)
        position += size


def _identity(data: bytes, moov: _Box) -> tuple[str, int]:
    for box in _boxes(data, moov.payload, moov.end):
        if box.kind == b"uuid" and data[box.payload : box.payload + 16] == _IDENTITY:
            at = box.payload + 20
            (segment_id,) = struct.unpack_from(">Q", data, at)
            length = data[at + 8]
            return data[at + 9 : at + 9 + length].decode(), segment_id
    return "", -1


def _picture_size(data: bytes, moov: _Box) -> tuple[int, int]:
    """Return width and height of the only sample entry (section 12.1.3); zeros if there is none."""
    box: _Box | None = moov
    for kind in (b"trak", b"mdia", b"minf", b"stbl", b"stsd"):
        if box is not None:
            box = next((inner for inner in _boxes(data, box.payload, box.end) if inner.kind == kind), None)
    if box is None or box.end - box.payload < 44:
        return 0, 0
    width, height = struct.unpack_from(">HH", data, box.payload + 8 + 8 + 24)
    return width, height


def _reference(data: bytes, box: _Box) -> tuple[int, int]:
    """Return UTC in microseconds and the media time that it belongs to (section 8.16.5)."""
    ntp, media_time = struct.unpack_from(">QQ", data, box.payload + 8)
    return ((ntp >> 32) - _NTP_TO_1970_S) * 1_000_000 + ((ntp & 0xFFFF_FFFF) * 1_000_000 >> 32), media_time


def _samples(data: bytes, moof: _Box, digests: bytes, reference: tuple[int, int]) -> Iterator[StoredSample]:
    """Yield the samples of a fragment with one track (sections 8.8.6 to 8.8.8)."""
    inner = {box.kind: box for traf in _boxes(data, moof.payload, moof.end) for box in _inner(data, traf)}
    if not {b"tfdt", b"trun"} <= inner.keys():
        return
    (dts,) = struct.unpack_from(">Q", data, inner[b"tfdt"].payload + 4)
    run = inner[b"trun"].payload
    count, offset = struct.unpack_from(">Ii", data, run + 4)
    position = moof.begin + offset
    utc, media_time = reference
    for number in range(count):
        duration, size, _, composition = struct.unpack_from(">IIIi", data, run + 12 + 16 * number)
        sample = data[position : position + size]
        digest = hashlib.sha256(sample)
        shown_us = utc + (dts + composition - media_time) * 1_000_000 // _TICKS
        wanted = digests[32 * number : 32 * number + 32]
        yield StoredSample(digest.hexdigest(), shown_us, digest.digest() == wanted and len(sample) == size)
        position += size
        dts += duration


def _inner(data: bytes, box: _Box) -> Iterator[_Box]:
    if box.kind == b"traf":
        yield from _boxes(data, box.payload, box.end)
