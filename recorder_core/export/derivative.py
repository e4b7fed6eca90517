"""Pictures between the start that was asked for and the first sync sample, encoded anew into a file of their own.

What they need to be decoded lies before the start and stays in the store: nothing of it is in the new file, which holds
pictures of its interval only. It is no original. Its track says so (`derived_handler`), and so does all that tells of
it. Keeps invariant 5, and the file half of invariant 2 (`O_EXCL`, fsync of file and folder).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from array import array
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from recorder_core.decoder import too_large
from recorder_core.decoder.limits import MOST_INPUT_BYTES
from recorder_core.export.whole import whole_part
from recorder_core.media import TIMESCALE
from recorder_core.models import ExportFile
from recorder_core.mp4 import SampleTable, derived_handler, progressive_header
from recorder_core.storage.files import FILE_MODE, fsync_folder, storage_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recorder_core.decoder import Decoder, NewPictures
    from recorder_core.export.clip_plan import ClipPart
    from recorder_core.media import VideoFormat

MARK = "_reencoded"
"""Stands in the name of each such file, behind that of a clip."""


@dataclass(frozen=True, slots=True)
class Derivative:
    """A file of pictures encoded anew, ready to be written. `part` tells the times and the number of its pictures."""

    part: ClipPart
    video_format: VideoFormat
    table: SampleTable
    header: bytes
    data: bytes

    @property
    def size(self) -> int:
        """How long the file will be, in bytes."""
        return len(self.header) + len(self.data)


async def make_derivative(
    camera_id: str, part: ClipPart, decoder: Decoder, progress: Callable[[int, int], None]
) -> Derivative:
    """Encode the pictures that a part shows. `progress` hears how many are done, of how many.

    Raises:
        RecorderError: `DECODER_FAILED`, `FOOTAGE_DAMAGED`, or what the disk says.
    """
    if part.data_bytes > MOST_INPUT_BYTES:
        raise too_large()
    header, data = await asyncio.to_thread(whole_part, part)
    return _derivative(camera_id, part, await decoder.pictures_anew(header + data, shown_times(part), progress))


def write_derivative(derivative: Derivative, folder: Path, stem: str) -> ExportFile:
    """Write `<stem>.mp4` into an existing folder, synced. Blocks.

    Raises:
        StorageError: it cannot be written.
    """
    path, part = folder / f"{stem}.mp4", derivative.part
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        with os.fdopen(fd, "wb") as file:
            file.write(derivative.header)
            file.write(derivative.data)
            file.flush()
            os.fsync(file.fileno())
        fsync_folder(folder)
    except OSError as error:
        raise storage_error(error, "Writing the re-encoded pictures") from error
    return ExportFile(
        path=str(path),
        sha256=hashlib.sha256(derivative.header + derivative.data).hexdigest(),
        size=derivative.size,
        start_us=part.start_us,
        end_us=part.end_us,
        duration_us=part.show_duration * 1_000_000 // TIMESCALE,
        frames=part.frames,
        lead_in_us=0,
        derived=True,
    )


def shown_times(part: ClipPart) -> list[int]:
    """Return the composition times of the pictures that a part shows, in ascending order."""
    decoded = accumulate(part.table.durations[:-1], initial=0)
    composed = (dts + offset for dts, offset in zip(decoded, part.table.composition_offsets, strict=True))
    return sorted(pts for pts in composed if part.show_start <= pts < part.show_start + part.show_duration)


def _derivative(camera_id: str, part: ClipPart, new: NewPictures) -> Derivative:
    pictures = new.pictures
    ends = [*(picture.pts for picture in pictures), part.show_start + part.show_duration]
    table = SampleTable(
        sizes=array("I", (len(picture.data) for picture in pictures)),
        durations=array("I", (later - earlier for earlier, later in pairwise(ends))),
        composition_offsets=array("I", bytes(4 * len(pictures))),
        sync=array("I", (index for index, picture in enumerate(pictures) if picture.sync)),
    )
    header = progressive_header(
        new.video_format,
        table,
        show_start=0,
        show_duration=part.show_duration,
        created_us=part.start_us,
        handler=derived_handler(camera_id),
    )
    data = b"".join(picture.data for picture in pictures)
    return Derivative(part, new.video_format, table, header, data)
