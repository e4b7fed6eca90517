"""Names that never change: ids of segments, runs and cameras, and the one place that knows where a segment lies."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid7

from recorder_core.errors import ErrorCode, RequestError

if TYPE_CHECKING:
    from collections.abc import Callable

_RANDOM_BITS = 20
_ID_BITS = 63
_CAMERA_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PATH = re.compile(
    r"cameras/([A-Za-z0-9_-]{1,64})/([0-9]{4})-([0-9]{2})-([0-9]{2})/([0-9]{2})([0-9]{2})([0-9]{2})Z-([0-9a-f]{16})\.mp4",
)

CAMERAS_FOLDER = "cameras"
"""The folder of a volume below which all segments lie."""


class SegmentName(NamedTuple):
    """What a segment's path tells; `start_us` is cut to whole seconds."""

    camera_id: str
    start_us: int
    segment_id: int


def new_segment_id(start_us: int, random: Callable[[int], int] = secrets.randbits) -> int:
    """Return an integer below 2^63 that sorts by time: milliseconds since 1970, then 20 random bits.

    `random(bits)` returns that many random bits. Raises ValueError for a time before 1970 or after the year 2248.
    """
    segment_id = (start_us // 1000) << _RANDOM_BITS | random(_RANDOM_BITS)
    if not 0 <= segment_id < 1 << _ID_BITS:
        raise ValueError(f"no segment id for the time {start_us}")
    return segment_id


def id_time_us(segment_id: int) -> int:
    """Return the moment that a segment's id was made of, in whole milliseconds."""
    return (segment_id >> _RANDOM_BITS) * 1000


def new_run_id() -> str:
    """Return a new id of a run: a UUID of version 7 (RFC 9562) as 32 hexadecimal digits."""
    return uuid7().hex


def check_camera_id(camera_id: str) -> str:
    """Return `camera_id` if it may name a camera and a folder.

    Raises:
        RequestError: `BAD_REQUEST` if it is not 1 to 64 of `A-Z a-z 0-9 _ -`.
    """
    if not _CAMERA_ID.fullmatch(camera_id):
        raise RequestError(
            ErrorCode.BAD_REQUEST,
            "A camera's id has 1 to 64 letters, digits, hyphens or underscores.",
            camera_id=camera_id[:64],
        )
    return camera_id


def segment_path(camera_id: str, start_us: int, segment_id: int) -> str:
    """Return where a segment lies below its volume: `cameras/<camera>/<UTC day>/<HHMMSS>Z-<id, 16 hex digits>.mp4`."""
    start = _EPOCH + timedelta(microseconds=start_us)
    return (
        f"{CAMERAS_FOLDER}/{check_camera_id(camera_id)}/{start.date().isoformat()}/"
        f"{start:%H%M%S}Z-{segment_id:016x}.mp4"
    )


def parse_segment_path(path: str) -> SegmentName:
    """Undo `segment_path`. Raises ValueError for any other path."""
    match = _PATH.fullmatch(path)
    if match is None:
        raise ValueError(f"not a segment's path: {path!r}")
    camera_id, *moment, segment_id = match.groups()
    year, month, day, hour, minute, second = map(int, moment)
    start = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    return SegmentName(camera_id, (start - _EPOCH) // timedelta(microseconds=1), int(segment_id, 16))
