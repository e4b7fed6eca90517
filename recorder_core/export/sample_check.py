"""Holding samples against the SHA-256 that was stored beside each of them when it was recorded."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from recorder_core.mp4 import DIGEST_BYTES, Mp4Error

from .headers import DamagedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .clip_plan import ClipPart


class SampleCheck:
    """Tells whether samples are those that were recorded; the pieces that they come in may be cut anywhere."""

    def __init__(self, sizes: Sequence[int], digests: bytes) -> None:
        """Expect samples of these sizes, whose SHA-256 stand in `digests` one behind the other."""
        self._sizes = sizes
        self._digests = digests
        self._index = 0
        self._left = sizes[0]
        self._hash = hashlib.sha256()

    def wrong(self, piece: memoryview) -> int | None:
        """Take the next bytes in order; gives the number, from 0, of the first sample ending in them that is not right.

        None if all of them are.
        """
        first = self._index
        ended = []
        at = 0
        while len(piece) - at >= self._left:
            end = at + self._left
            self._hash.update(piece[at:end])
            ended.append(self._hash.digest())
            self._hash = hashlib.sha256()
            at = end
            self._index += 1
            if self._index == len(self._sizes):
                break
            self._left = self._sizes[self._index]
        self._hash.update(piece[at:])
        self._left -= len(piece) - at
        if b"".join(ended) == self._digests[first * DIGEST_BYTES : self._index * DIGEST_BYTES]:
            return None
        return next(index for index, digest in enumerate(ended, first) if digest != self._expected(index))

    def _expected(self, index: int) -> bytes:
        return self._digests[index * DIGEST_BYTES : (index + 1) * DIGEST_BYTES]


def altered(path: Path, part: ClipPart, index: int) -> DamagedError:
    """Return the error for a sample of a part that is not right."""
    return DamagedError(path, Mp4Error("A sample is not the one that was recorded"), part.wall_us(index))
