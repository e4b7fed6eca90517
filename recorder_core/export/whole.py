"""A planned part as one MP4 in memory, for the decoder; each sample is held against its digest from the recording.

It carries what may not leave the store, so it goes nowhere but into the decoder's process.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from recorder_core.export.headers import unreadable
from recorder_core.export.sample_check import SampleCheck, altered
from recorder_core.mp4 import Mp4Error, progressive_header

if TYPE_CHECKING:
    from pathlib import Path

    from recorder_core.export.clip_plan import ClipPart


def whole_part(part: ClipPart) -> tuple[bytes, bytes]:
    """Return the head of the MP4, and its data. Blocks.

    Raises:
        StorageError: a file is missing, or not what was recorded.
    """
    header = progressive_header(
        part.video_format,
        part.table,
        show_start=part.show_start,
        show_duration=part.show_duration,
        created_us=part.start_us,
    )
    data = bytearray()
    check = SampleCheck(part.table.sizes, part.digests)
    for extent in part.extents:
        piece = _read(extent.path, extent.offset, extent.size)
        wrong = check.wrong(memoryview(piece))
        if wrong is not None:
            raise altered(extent.path, part, wrong)
        data += piece
    return header, bytes(data)


def _read(path: Path, offset: int, size: int) -> bytes:
    try:
        with path.open("rb", buffering=0) as file:
            data = os.pread(file.fileno(), size, offset)
    except OSError as error:
        raise unreadable(path, error) from error
    if len(data) != size:
        raise unreadable(path, Mp4Error("The file has become shorter"))
    return data
