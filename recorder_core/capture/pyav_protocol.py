"""What parent and capturing child say to each other over pipes: orders once, then messages (kind, length, body).

Keeps libavformat, its memory and its faults out of the recorder. Both sides are on one machine, so the child's
monotonic clock is the parent's too.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from urllib.parse import urlsplit

HEAD = struct.Struct(">BI")
"""Kind and length of the body."""

UNIT = struct.Struct(">qqB")
"""A unit's presentation time, its arrival in monotonic microseconds, and whether it is a sync sample; then its data."""

MAX_BODY = 64 << 20

_LENGTH = 4
"""Bytes that say how long a parameter set is. It is the camera's, so it may be of any size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What the child is to capture: one line of JSON on its standard input, where no list of processes shows it."""

    url: str
    username: str | None
    password: str | None = field(repr=False)
    verify_tls: bool
    stall_timeout_s: float

    @property
    def scheme(self) -> str:
        """The address's scheme, in lower case."""
        return urlsplit(self.url).scheme

    @property
    def is_rtsp(self) -> bool:
        """Whether pictures come as RTP packets, and not in a container."""
        return self.scheme in ("rtsp", "rtsps")


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
    """Return parameter sets as one body, each behind its length."""
    return b"".join(len(one).to_bytes(_LENGTH) + one for one in sets)


def unpack_sets(body: bytes) -> tuple[bytes, ...]:
    """Undo `pack_sets`."""
    sets = []
    at = 0
    while at < len(body):
        start = at + _LENGTH
        at = start + int.from_bytes(body[at:start])
        sets.append(body[start:at])
    return tuple(sets)
