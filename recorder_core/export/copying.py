"""The data of a clip on its way from recordings into a new file: read once, then checked and hashed side by side.

Each byte is hashed twice: with its sample, to compare it with the digest that was stored beside it when it was
recorded, and with the new file. Both go on side by side with writing, and the disk follows at once. A file is finished
only after all of it was checked and synced (invariant 2).
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, groupby
from typing import TYPE_CHECKING, Self

from recorder_core.export.headers import unreadable
from recorder_core.mp4 import DIGEST_BYTES, Mp4Error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from io import FileIO
    from pathlib import Path
    from typing import BinaryIO

    from recorder_core.export.clip_plan import ClipPart, Extent

_BUFFER_BYTES = 1 << 20
_BUFFERS = 4
"""With the size of one, all the memory that copying takes, however long the clip."""

_EARLY_BYTES = 8 << 20
"""How much the disk is told to write at a time: whole pages, so that none is written twice."""


class ClipCancelledError(Exception):
    """The clip was cancelled; its files are gone."""


class Target:
    """A new file that is hashed and written piece by piece, by a thread for each of the two."""

    def __init__(self, file: BinaryIO) -> None:
        """Write into a file that is empty; the caller closes it."""
        self._file = file
        self._digest = hashlib.sha256()
        self._size = 0
        self._early = 0
        # Of one thread each, so that the pieces stay in order.
        self._hashing = ThreadPoolExecutor(1, "clip-hash")
        self._writing = ThreadPoolExecutor(1, "clip-write")

    def __enter__(self) -> Self:
        """Take pieces."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the threads; pieces that are not begun with are left out."""
        self._hashing.shutdown(cancel_futures=True)
        self._writing.shutdown(cancel_futures=True)

    def put(self, piece: bytes | memoryview) -> Callable[[], None]:
        """Append a piece. Gives what waits until it is done, which may raise OSError; the piece must not change before.

        All must have been waited for before the file is finished.
        """
        hashed = self._hashing.submit(self._digest.update, piece)
        written = self._writing.submit(self._write, piece)

        def wait() -> None:
            hashed.result()
            written.result()

        return wait

    def finish(self) -> bytes:
        """Sync the file, and return its SHA-256. Raises OSError."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._digest.digest()

    def _write(self, piece: bytes | memoryview) -> None:
        self._file.write(piece)
        self._size += len(piece)
        while self._size - self._early >= _EARLY_BYTES:
            # Linux begins to write what is not needed soon. Else the sync in the end would wait for the whole clip.
            os.posix_fadvise(self._file.fileno(), self._early, _EARLY_BYTES, os.POSIX_FADV_DONTNEED)
            self._early += _EARLY_BYTES


class Copier:
    """Copies the parts of a clip; reports progress and looks out for a cancel."""

    def __init__(
        self, total: int, progress: Callable[[int, int], None] | None, cancelled: Callable[[], bool] | None
    ) -> None:
        """Copy `total` bytes in all parts together."""
        self._buffers = cycle([memoryview(bytearray(_BUFFER_BYTES)) for _ in range(_BUFFERS)])
        self._total = total
        self._done = 0
        self._progress = progress
        self._cancelled = cancelled

    def copy(self, part: ClipPart, target: Target) -> None:
        """Put the samples of a part, each of them checked, into its file.

        Raises:
            ClipCancelledError: It was cancelled.
            StorageError: A recording cannot be read, or a sample is not what was recorded.
            OSError: The file cannot be written.
        """
        check = SampleCheck(part.table.sizes, part.digests)
        under_way: deque[Callable[[], None]] = deque()
        for piece, path in self._pieces(part.extents):
            under_way.append(target.put(piece))
            if not check.passes(piece):
                raise unreadable(path, Mp4Error("A sample is not the one that was recorded"))
            if len(under_way) == _BUFFERS:  # the next piece takes the buffer of the oldest one
                under_way.popleft()()
            self._done += len(piece)
            if self._progress is not None:
                self._progress(self._done, self._total)
        for wait in under_way:
            wait()

    def _pieces(self, extents: Sequence[Extent]) -> Iterator[tuple[memoryview, Path]]:
        """The bytes of extents in full buffers, each with the one recording that it is from."""
        for path, of_one in groupby(extents, key=lambda extent: extent.path):
            try:
                with path.open("rb", buffering=0) as file:
                    for piece in self._read(file, of_one):
                        yield piece, path
            except (OSError, Mp4Error) as error:
                raise unreadable(path, error) from error

    def _read(self, file: FileIO, extents: Iterable[Extent]) -> Iterator[memoryview]:
        filled = 0
        for extent in extents:
            file.seek(extent.offset)
            left = extent.size
            while left:
                if self._cancelled is not None and self._cancelled():
                    raise ClipCancelledError
                if not filled:  # no sooner: the buffers come round in the order of the pieces, none is passed over
                    buffer = next(self._buffers)
                count = file.readinto(buffer[filled : filled + left])
                if not count:
                    raise Mp4Error("The file has become shorter")
                filled += count
                left -= count
                if filled == len(buffer):
                    yield buffer
                    filled = 0
        if filled:
            yield buffer[:filled]


class SampleCheck:
    """Tells whether samples are those that were recorded; the pieces may be cut anywhere."""

    def __init__(self, sizes: Sequence[int], digests: bytes) -> None:
        """Expect samples of these sizes, whose SHA-256 stand in `digests` one behind the other."""
        self._sizes = sizes
        self._digests = digests
        self._index = 0
        self._left = sizes[0]
        self._hash = hashlib.sha256()

    def passes(self, piece: memoryview) -> bool:
        """Take the next bytes in order; whether all samples that end in them are right."""
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
        return b"".join(ended) == self._digests[first * DIGEST_BYTES : self._index * DIGEST_BYTES]
