"""One segment file on disk: create, append fragments, finish. Plain blocking calls, made by a volume's thread.

Keeps the file half of invariant 2 (`O_EXCL`, then fsync of file and folder before anyone writes the row), of
invariant 7 (whatever happens, the file is whole up to the end of its last complete fragment) and of invariant 5: a
file is closed as a segment only if it holds one video track and nothing else.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.media import TIMESCALE
from recorder_core.merkle import Frontier, leaf_hash
from recorder_core.mp4 import Mp4Error, check_only_video_track, fragment_header, init_segment

from .files import FILE_MODE, fsync_folder, make_folders
from .records import FragmentSpan, OpenFile

if TYPE_CHECKING:
    from pathlib import Path

    from recorder_core.media import Fragment, VideoFormat

_IOV_MAX = 1024
"""Buffers in one `writev` on Linux (UIO_MAXIOV)."""


class SegmentFile:
    """The file of one segment while it is written. Its owner calls from one thread."""

    def __init__(self, root: Path, file: OpenFile, fmt: VideoFormat) -> None:
        """Name the file `file.path` below the volume's `root`; nothing is touched yet."""
        self._root = root
        self._path = root / file.path
        self._init = init_segment(fmt, camera_id=file.camera_id, run_id=file.run_id, segment_id=file.segment_id)
        self._fd = -1
        self._base_dts = 0
        self._sequence = 0
        self._tree = Frontier()
        self.size = 0

    def create(self) -> None:
        """Create the file and write its init segment."""
        make_folders(self._root, self._path.parent)
        self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        fsync_folder(self._path.parent)
        self._write([self._init])
        self._tree.append(leaf_hash(self._init))

    def append(self, fragment: Fragment) -> FragmentSpan:
        """Write one fragment, whole or not at all, and say where it lies."""
        samples = fragment.samples
        if self._sequence == 0:
            self._base_dts = samples[0].dts
        self._sequence += 1
        # The reference in the file names the first sample's presentation, which a picture decoded early has later.
        shown_us = fragment.start_us + (samples[0].pts - samples[0].dts) * 1_000_000 // TIMESCALE
        header = fragment_header(
            samples,
            sequence=self._sequence,
            base_dts=self._base_dts,
            start_us=shown_us,
            digests=[hashlib.sha256(sample.data).digest() for sample in samples],
        )
        offset = self.size
        self._write([header, *(sample.data for sample in samples)])
        self._tree.append(leaf_hash(header))
        return FragmentSpan(offset=offset, size=self.size - offset, duration=fragment.duration, sync=samples[0].sync)

    def finish(self) -> bytes:
        """Sync file and folder, close, and return the segment's root (`mp4.root`).

        Raises:
            StorageError: `STORAGE_FAILED` if what lies on the disk is not one video track and nothing else.
            OSError: the disk refuses.
        """
        try:
            os.fsync(self._fd)
        finally:
            self.release()
        fsync_folder(self._path.parent)
        try:
            check_only_video_track(self._path)
        except Mp4Error as error:
            raise StorageError(ErrorCode.STORAGE_FAILED, f"A segment is not as it was written: {error}.") from error
        return self._tree.root()

    def discard(self) -> None:
        """Remove a file that never got a fragment; one that was there before is somebody's and stays."""
        created = self._fd >= 0
        self.release()
        if created:
            with suppress(FileNotFoundError):  # whoever removed it has done the work
                self._path.unlink()
            fsync_folder(self._path.parent)

    def release(self) -> None:
        """Close the descriptor, if any."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _write(self, buffers: list[bytes]) -> None:
        wanted = sum(map(len, buffers))
        try:
            for first in range(0, len(buffers), _IOV_MAX):
                self._write_all(buffers[first : first + _IOV_MAX])
        except OSError:
            # Half a fragment would hide everything that might follow it from a reader.
            os.ftruncate(self._fd, self.size)
            os.lseek(self._fd, self.size, os.SEEK_SET)
            raise
        self.size += wanted

    def _write_all(self, buffers: list[bytes]) -> None:
        written = os.writev(self._fd, buffers)
        left = sum(map(len, buffers)) - written
        while left:
            rest = memoryview(b"".join(buffers))[-left:]
            left -= os.write(self._fd, rest)
