"""Writing a planned clip: progressive MP4 files with the very bytes that were recorded, none of them transcoded.

Keeps the file half of invariant 2 (`O_EXCL`, fsync of file and folder) and invariant 5 (one video track, checked in the
finished file). Each sample is compared with the digest that was stored beside it when it was recorded. What fails or is
cancelled leaves no file behind.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.export.headers import unreadable
from recorder_core.media import TIMESCALE
from recorder_core.models import ExportFile
from recorder_core.mp4 import DIGEST_BYTES, Mp4Error, check_only_video_track, progressive_header
from recorder_core.storage.files import FILE_MODE, fsync_folder, storage_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from recorder_core.export.clip_plan import ClipPart, ClipPlan, Extent

_BUFFER_BYTES = 4 << 20
"""All the memory that copying takes, however long the clip."""


class ClipCancelledError(Exception):
    """The clip was cancelled; its files are gone."""


def write_clip(
    plan: ClipPlan,
    folder: Path,
    stem: str,
    *,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> list[ExportFile]:
    """Write `<stem>.mp4`, or `<stem>-1.mp4`, `<stem>-2.mp4`, … for a plan of several parts, into an existing folder.

    Blocks; belongs into a thread. `progress` hears the bytes copied so far and those to copy, `cancelled` is asked just
    as often: every few MiB.

    Raises:
        ClipCancelledError: `cancelled` said so.
        StorageError: a file cannot be read or written, exists already, or a sample is not what was recorded.
    """
    copier = _Copier(plan.data_bytes, progress, cancelled)
    made: list[Path] = []
    try:
        clips = []
        for number, part in enumerate(plan.parts, 1):
            path = folder / (f"{stem}.mp4" if len(plan.parts) == 1 else f"{stem}-{number}.mp4")
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
            made.append(path)
            with os.fdopen(fd, "wb") as file:
                clips.append(_write_part(part, path, file, copier))
            check_only_video_track(path)
        fsync_folder(folder)
    except BaseException as error:
        for path in made:
            path.unlink()
        if isinstance(error, OSError):
            raise storage_error(error, "Writing the clip") from error
        if isinstance(error, Mp4Error):
            raise StorageError(ErrorCode.EXPORT_FAILED, f"The clip is not sound: {error}.") from error
        raise
    return clips


def _write_part(part: ClipPart, path: Path, file: BinaryIO, copier: _Copier) -> ExportFile:
    header = progressive_header(
        part.video_format,
        part.table,
        show_start=part.show_start,
        show_duration=part.show_duration,
        created_us=part.start_us,
    )
    digest = hashlib.sha256(header)
    file.write(header)
    verifier = _Verifier(part)
    for extent in part.extents:
        for piece in copier.pieces(extent):
            verifier.check(piece, extent.path)
            digest.update(piece)
            file.write(piece)
    file.flush()
    os.fsync(file.fileno())
    return ExportFile(
        path=str(path),
        sha256=digest.hexdigest(),
        size=len(header) + part.data_bytes,
        start_us=part.start_us,
        end_us=part.end_us,
        duration_us=part.show_duration * 1_000_000 // TIMESCALE,
        frames=part.frames,
        lead_in_us=part.lead_in_us,
    )


class _Copier:
    """Reads recordings piece by piece through one buffer; reports progress and looks out for a cancel."""

    def __init__(
        self, total: int, progress: Callable[[int, int], None] | None, cancelled: Callable[[], bool] | None
    ) -> None:
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._total = total
        self._done = 0
        self._progress = progress
        self._cancelled = cancelled

    def pieces(self, extent: Extent) -> Iterator[memoryview]:
        """The bytes of an extent. A piece is valid until the next one is asked for."""
        left = extent.size
        try:
            with extent.path.open("rb", buffering=0) as file:
                file.seek(extent.offset)
                while left:
                    if self._cancelled is not None and self._cancelled():
                        raise ClipCancelledError
                    count = file.readinto(self._buffer[: min(left, _BUFFER_BYTES)])
                    if not count:
                        raise unreadable(extent.path, Mp4Error("The file has become shorter"))
                    yield self._buffer[:count]
                    left -= count
                    self._done += count
                    if self._progress is not None:
                        self._progress(self._done, self._total)
        except OSError as error:
            raise unreadable(extent.path, error) from error


class _Verifier:
    """Lets no sample of a part pass that is not the one that was recorded; the pieces may be cut anywhere."""

    def __init__(self, part: ClipPart) -> None:
        self._sizes = part.table.sizes
        self._digests = part.digests
        self._index = 0
        self._left = self._sizes[0]
        self._hash = hashlib.sha256()

    def check(self, piece: memoryview, path: Path) -> None:
        """Take the next bytes in order, which come from the recording at `path`."""
        while piece:
            taken = piece[: self._left]
            piece = piece[self._left :]
            self._hash.update(taken)
            self._left -= len(taken)
            if not self._left:
                self._finish_sample(path)

    def _finish_sample(self, path: Path) -> None:
        at = self._index * DIGEST_BYTES
        if self._hash.digest() != self._digests[at : at + DIGEST_BYTES]:
            raise unreadable(path, Mp4Error("A sample is not the one that was recorded"))
        self._index += 1
        self._hash = hashlib.sha256()
        if self._index < len(self._sizes):
            self._left = self._sizes[self._index]
