"""JPEG pictures as RTP payloads (RFC 2435)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_DQT, _SOF0, _SOS, _EOI = 0xDB, 0xC0, 0xDA, b"\xff\xd9"


@dataclass(frozen=True, slots=True)
class _Picture:
    tables: bytes
    width: int
    height: int
    kind: int
    scan: bytes


def _parse(data: bytes) -> _Picture:
    """Take a baseline JPEG file apart (ITU-T T.81 annex B)."""
    tables, width, height, kind = b"", 0, 0, 1
    at = 2
    while True:
        marker, size = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        segment = data[at + 4 : at + 2 + size]
        at += 2 + size
        if marker == _DQT:
            # Tables of 8-bit values: an identifier, then 64 bytes.
            tables += b"".join(segment[start + 1 : start + 65] for start in range(0, len(segment), 65))
        elif marker == _SOF0:
            height, width = struct.unpack(">HH", segment[1:5])
            kind = int(segment[7] == 0x22)  # type 1 is 4:2:0, type 0 is 4:2:2 (RFC 2435 section 4.1)
        elif marker == _SOS:
            return _Picture(tables, width, height, kind, data[at:].removesuffix(_EOI))


def jpeg_payloads(units: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Payloads of at most `limit` bytes for whole JPEG pictures, the quantiser tables in the first of each."""
    for unit in units:
        picture = _parse(unit)
        # One table in the file serves luma and chroma; the payload header wants both.
        tables = picture.tables if len(picture.tables) >= 128 else picture.tables * 2
        at = 0
        while at < len(picture.scan):
            header = struct.pack(">I", at) + bytes([picture.kind, 255, picture.width // 8, picture.height // 8])
            if at == 0:
                header += struct.pack(">BBH", 0, 0, len(tables)) + tables
            piece = picture.scan[at : at + limit - len(header)]
            yield header + piece
            at += len(piece)
