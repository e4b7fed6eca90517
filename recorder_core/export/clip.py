"""Writing a planned clip: progressive MP4 files with the very bytes that were recorded, none of them transcoded.

Keeps the file half of invariant 2 (`O_EXCL`, fsync of file and folder) and invariant 5 (one video track, checked in the
finished file). Each sample is compared with the digest that was stored beside it when it was recorded. What fails or is
cancelled leaves no file behind.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.export.copying import Copier, Target
from recorder_core.media import TIMESCALE
from recorder_core.models import ExportFile
from recorder_core.mp4 import Mp4Error, check_only_video_track, progressive_header
from recorder_core.storage.files import FILE_MODE, fsync_folder, storage_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recorder_core.export.clip_plan import ClipPart, ClipPlan


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
    as often: at least every MiB.

    Raises:
        ClipCancelledError: `cancelled` said so.
        StorageError: a file cannot be read or written, exists already, or a sample is not what was recorded.
    """
    copier = Copier(plan.data_bytes, progress, cancelled)
    made: list[Path] = []
    try:
        clips = []
        for number, part in enumerate(plan.parts, 1):
            path = folder / (f"{stem}.mp4" if len(plan.parts) == 1 else f"{stem}-{number}.mp4")
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
            made.append(path)
            try:
                clips.append(_write_part(part, path, fd, copier))
            finally:
                os.close(fd)
            check_only_video_track(path)
        fsync_folder(folder)
    except BaseException as error:  # whatever it is: no half of a clip may stay
        for path in made:
            with suppress(OSError):  # the volume went away; what the first error was counts, and the folder goes later
                path.unlink()
        if isinstance(error, OSError):
            raise storage_error(error, "Writing the clip") from error
        if isinstance(error, Mp4Error):
            raise StorageError(ErrorCode.EXPORT_FAILED, f"The clip is not sound: {error}.") from error
        raise
    return clips


def _write_part(part: ClipPart, path: Path, fd: int, copier: Copier) -> ExportFile:
    header = progressive_header(
        part.video_format,
        part.table,
        show_start=part.show_start,
        show_duration=part.show_duration,
        created_us=part.start_us,
    )
    with Target(fd) as target:
        copier.copy(header, part, target)
        digest = target.finish()
    return ExportFile(
        path=str(path),
        sha256=digest.hex(),
        size=len(header) + part.data_bytes,
        start_us=part.start_us,
        end_us=part.end_us,
        duration_us=part.show_duration * 1_000_000 // TIMESCALE,
        frames=part.frames,
        lead_in_us=part.lead_in_us,
    )
