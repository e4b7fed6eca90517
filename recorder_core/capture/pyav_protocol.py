"""What the capturing child process tells its parent: messages over a pipe, each a kind, a length and a body.

Keeps libavformat, its memory and its faults out of the recorder. Both sides are on one machine, so the child's
monotonic clock is the parent's too.
"""

from __future__ import annotations

import struct
from enum import IntEnum

HEAD = struct.Struct(">BI")
"""Kind and length of the body."""

UNIT = struct.Struct(">qqB")
"""A unit's presentation time, its arrival in monotonic microseconds, and whether it is a sync sample; then its data."""

MAX_BODY = 64 << 20


class Kind(IntEnum):
    """What a message says."""

    INFO = 1
    ERROR = 2
    PARAMETER_SETS = 3
    UNIT = 4


def message(kind: Kind, body: bytes) -> bytes:
    """Return a message as it goes over the pipe."""
    return HEAD.pack(kind, len(body)) + body


def pack_sets(sets: tuple[bytes, ...]) -> bytes:
    """Return parameter sets as one body, each behind its length in two bytes."""
    return b"".join(len(one).to_bytes(2) + one for one in sets)


def unpack_sets(body: bytes) -> tuple[bytes, ...]:
    """Undo `pack_sets`."""
    sets = []
    at = 0
    while at + 2 <= len(body):
        end = at + 2 + int.from_bytes(body[at : at + 2])
        sets.append(body[at + 2 : end])
        at = end
    return tuple(sets)
