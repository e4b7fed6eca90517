"""Finds where fragments begin in a part of a file that cannot be read in order: what is cut there is lost for good.

A writer that died leaves one fragment torn, a power cut what was not synced. Where more than that follows a place that
cannot be read, the disk has damaged the file: nothing of it is cut, and it stays (invariants 3 and 7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder_core.mp4.fragment import DIGESTS_UUID, REFERENCE_AND_DIGESTS, us_from_ntp

if TYPE_CHECKING:
    from pathlib import Path

TORN_US = 10_000_000
"""What was not synced when the power went is shorter: `rpo`, a sync that came late, and the open fragment."""

_READ_BYTES = 1 << 20
_HEAD_BYTES = REFERENCE_AND_DIGESTS.size
_UUID_AT = 40
"""Where `DIGESTS_UUID` stands in a fragment; no video has these sixteen bytes by chance."""


def is_torn_end(path: Path, offset: int) -> bool:
    """Whether the end of a writer, or of the power, explains what lies in a file from `offset` on. Raises OSError."""
    begun = fragments_begun(path, offset).values()
    return not begun or max(begun) - min(begun) <= TORN_US


def is_one_fragment(path: Path, offset: int) -> bool:
    """Whether no fragment begins in a file behind the torn one that may begin at `offset`. Raises OSError."""
    return all(at == offset for at in fragments_begun(path, offset))


def fragments_begun(path: Path, offset: int) -> dict[int, int]:
    """Return where fragments begin from `offset` on, whole or not, each with the UTC of its pictures. Raises OSError.

    One whose first bytes are damaged is not seen.
    """
    begun = {}
    with path.open("rb") as file:
        position = file.seek(offset)
        window = b""
        while data := file.read(_READ_BYTES):
            window += data
            at = window.find(DIGESTS_UUID, _UUID_AT) - _UUID_AT
            while 0 <= at <= len(window) - _HEAD_BYTES:
                fields = REFERENCE_AND_DIGESTS.unpack_from(window, at)
                if fields[1] == b"prft":
                    begun[position + at] = us_from_ntp(fields[4])
                at = window.find(DIGESTS_UUID, at + _UUID_AT + 1) - _UUID_AT
            # Less than a beginning is left, so that none is seen twice.
            rest = window[1 - _HEAD_BYTES :]
            position += len(window) - len(rest)
            window = rest
    return begun
