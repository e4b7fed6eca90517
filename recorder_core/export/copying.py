"""The data of a clip on its way from recordings into a new file: read once, then checked, hashed and written.

Each byte is hashed twice: with its sample, to compare it with the digest that was stored beside it when it was
recorded (`_check`), and with the new file (`Target`). A thread each does that and another one writes, all side by side.
Blocks go to the disk past the page cache where the filesystem lets them: that spares a copy of each byte, leaves the
cache to what is read again, and nearly nothing to the sync in the end. A file is finished only after all of it was
checked and synced (invariant 2).
"""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from fcntl import F_GETFL, F_SETFL, fcntl
from io import BytesIO
from itertools import cycle, groupby
from typing import TYPE_CHECKING, NamedTuple, Self

from recorder_core.mp4 import Mp4Error

from .headers import unreadable
from .sample_check import SampleCheck, altered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future
    from io import FileIO
    from pathlib import Path

    from .clip_plan import ClipPart
    from .samples import Extent

_BLOCK_BYTES = 1 << 20
"""What is written at a time. Past the page cache only whole pages can go, from whole pages of memory."""

_BLOCKS = 4
"""With the size of one, all the memory that copying takes, however long the clip."""


class ClipCancelledError(Exception):
    """The clip was cancelled; its files are gone."""


class _Piece(NamedTuple):
    """What a block has of one recording."""

    path: Path
    data: memoryview


class Target:
    """A new file that is hashed and written block by block, by a thread for each of the two."""

    def __init__(self, fd: int) -> None:
        """Write into a file that is open and empty; the caller closes it."""
        self._fd = fd
        self._digest = hashlib.sha256()
        self._direct = _set_direct(fd, on=True)
        # Of one thread each, so that the blocks stay in order.
        self._hashing = ThreadPoolExecutor(1, "clip-hash")
        self._writing = ThreadPoolExecutor(1, "clip-write")

    def __enter__(self) -> Self:
        """Take blocks."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the threads; blocks that are not begun with are left out."""
        self._hashing.shutdown(cancel_futures=True)
        self._writing.shutdown(cancel_futures=True)

    def put(self, block: memoryview) -> tuple[Future[None], Future[None]]:
        """Append a block, which begins at a page of memory; all but the last one fill whole pages.

        It must not change until both of what is returned are done; their results raise OSError where it cannot be
        written. All must have been asked for before the file is finished.
        """
        return self._hashing.submit(self._digest.update, block), self._writing.submit(self._write, block)

    def finish(self) -> bytes:
        """Sync the file, and return its SHA-256. Raises OSError."""
        os.fsync(self._fd)
        return self._digest.digest()

    def _write(self, block: memoryview) -> None:
        if self._direct and len(block) % mmap.PAGESIZE:
            self._direct = _set_direct(self._fd, on=False)
        while block:
            try:
                block = block[os.write(self._fd, block) :]
            except OSError as error:
                if not self._direct or error.errno != errno.EINVAL:
                    raise
                # A disk that wants larger pieces than pages, or a filesystem that promised too much.
                self._direct = _set_direct(self._fd, on=False)


class Copier:
    """Copies the parts of a clip; reports progress and looks out for a cancel."""

    def __init__(
        self, total: int, progress: Callable[[int, int], None] | None, cancelled: Callable[[], bool] | None
    ) -> None:
        """Copy `total` bytes of samples in all parts together."""
        # Mapped, for such memory begins at a page.
        self._blocks = cycle([memoryview(mmap.mmap(-1, _BLOCK_BYTES)) for _ in range(_BLOCKS)])
        self._total = total
        self._done = 0
        self._progress = progress
        self._cancelled = cancelled

    def copy(self, header: bytes, part: ClipPart, target: Target) -> None:
        """Put the header of a part and its samples, each of them checked, into its file.

        Raises:
            ClipCancelledError: It was cancelled.
            StorageError: A recording cannot be read, or a sample is not what was recorded.
            OSError: The file cannot be written.
        """
        check = SampleCheck(part.table.sizes, part.digests)
        under_way: deque[tuple[Future[None], ...]] = deque()
        with ThreadPoolExecutor(1, "clip-check") as checking:
            for block, pieces in self._filled(header, part.extents):
                under_way.append((*target.put(block), checking.submit(_check, check, pieces, part)))
                if len(under_way) == _BLOCKS:  # the next block takes the memory of the oldest one
                    _wait(under_way.popleft())
                self._done += sum(len(piece.data) for piece in pieces)
                if self._progress is not None:
                    self._progress(self._done, self._total)
            for futures in under_way:
                _wait(futures)

    def _filled(self, header: bytes, extents: Iterable[Extent]) -> Iterator[tuple[memoryview, list[_Piece]]]:
        """The bytes of the new file in full blocks, the last one excepted, each with the pieces that are to be checked.

        A block's memory is taken again only when the next but three is asked for.
        """
        block = next(self._blocks)
        pieces: list[_Piece] = []
        filled = 0
        for source, path, size in _sources(header, extents):
            left = size
            while left:
                if self._cancelled is not None and self._cancelled():
                    raise ClipCancelledError
                data = block[filled : filled + left]
                if path is None:
                    count = source.readinto(data)
                else:
                    count = _read(source, path, data)
                    pieces.append(_Piece(path, data[:count]))
                filled += count
                left -= count
                if filled == len(block):
                    yield block, pieces
                    block, pieces, filled = next(self._blocks), [], 0
        if filled:
            yield block[:filled], pieces


def _set_direct(fd: int, *, on: bool) -> bool:
    """Have what is written to a file go past the page cache, or not; whether it does so then."""
    flags = fcntl(fd, F_GETFL)
    try:
        fcntl(fd, F_SETFL, flags | os.O_DIRECT if on else flags & ~os.O_DIRECT)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return False  # the filesystem knows no other way than through the cache
    return on


def _sources(header: bytes, extents: Iterable[Extent]) -> Iterator[tuple[BytesIO | FileIO, Path | None, int]]:
    """What the new file is made of: each opened where it begins, the recording that it is, if one, and its length."""
    yield BytesIO(header), None, len(header)
    for path, of_one in groupby(extents, key=lambda extent: extent.path):
        try:
            recording = path.open("rb", buffering=0)
        except OSError as error:
            raise unreadable(path, error) from error
        with recording:
            for extent in of_one:
                recording.seek(extent.offset)
                yield recording, path, extent.size


def _read(recording: BytesIO | FileIO, path: Path, data: memoryview) -> int:
    """Read as much as comes at once, at least a byte."""
    try:
        count = recording.readinto(data)
    except OSError as error:
        raise unreadable(path, error) from error
    if not count:
        raise unreadable(path, Mp4Error("The file has become shorter"))
    return count


def _check(check: SampleCheck, pieces: Iterable[_Piece], part: ClipPart) -> None:
    """Hold the samples that end in these pieces, the next ones in order, against what was recorded."""
    for path, data in pieces:
        wrong = check.wrong(data)
        if wrong is not None:
            raise altered(path, part, wrong)


def _wait(futures: Iterable[Future[None]]) -> None:
    for future in futures:
        future.result()
