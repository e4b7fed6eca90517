"""A still: the very picture that was on screen at a moment, with a record of where it was taken from.

It is found like the first picture of a clip that begins then: same rules, same reading, every sample held against the
digest that was taken when it was recorded. A camera's own JPEG is handed on as it is; anything else is decoded, from
the sync sample before it on, in the decoder's process.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from recorder_core.export.clip_plan import plan_clip
from recorder_core.export.whole import whole_part
from recorder_core.json_data import JsonData
from recorder_core.media import Codec
from recorder_core.models import ExportFile, StillFormat
from recorder_core.mp4 import DIGEST_BYTES
from recorder_core.storage.files import FILE_MODE, fsync_folder, storage_error

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from recorder_core.export.clip_plan import ClipPart
    from recorder_core.export.source import ClipSource
    from recorder_core.models import StillRequest

_ENDINGS = {StillFormat.PNG: "png", StillFormat.JPEG: "jpg"}


@dataclass(frozen=True, slots=True)
class Exposure:
    """A picture as it lies in the store. `mp4` holds it and all that it needs to be decoded, itself at `pts`.

    `data` is its own sample, `index` its number among those of `part`, `path` the recording that it lies in.
    """

    part: ClipPart
    mp4: bytes
    pts: int
    index: int
    data: bytes
    path: Path

    def original(self, form: StillFormat) -> bytes | None:
        """Return the camera's own file of this format, None if there is none."""
        return self.data if form is StillFormat.JPEG and self.part.video_format.codec is Codec.MJPEG else None

    @property
    def sha256(self) -> bytes:
        """The digest that was taken of the sample when it was recorded."""
        return self.part.digests[self.index * DIGEST_BYTES : (self.index + 1) * DIGEST_BYTES]


@dataclass(frozen=True, slots=True, kw_only=True)
class StillSource(JsonData):
    """Where a picture was taken from; `root` is null while its segment is still being written."""

    segment_id: int
    path: str
    root: str | None
    sample_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StillRecord(JsonData):
    """The record beside a still. `shown_us` to `replaced_us` is when the picture was on screen, in UTC.

    `original` says that the file is the camera's own, byte for byte, so that its hash is the sample's.
    """

    file: str
    sha256: str
    size: int
    camera_id: str
    camera_name: str
    at_us: int
    shown_us: int
    replaced_us: int
    codec: str
    width: int
    height: int
    original: bool
    source: StillSource


def expose(sources: Sequence[ClipSource], at_us: int) -> Exposure:
    """Find the picture that is on screen at a moment. Blocks.

    Raises:
        RequestError: `NO_FOOTAGE`.
        StorageError: a file is missing, or not what was recorded.
    """
    part = plan_clip(sources, at_us, at_us + 1).parts[0]
    mp4, data = whole_part(part)
    index = _shown(part)
    begins = [0, *accumulate(part.table.sizes)]
    return Exposure(
        part=part,
        mp4=mp4 + data,
        pts=part.show_start,
        index=index,
        data=bytes(data[begins[index] : begins[index + 1]]),
        path=_path_of(part, index),
    )


def write_still(
    folder: Path, stem: str, request: StillRequest, picture: bytes, exposure: Exposure, source: StillSource, name: str
) -> list[ExportFile]:
    """Write picture and record into an existing folder, synced, and return both; `name` is the camera's. Blocks.

    Raises:
        StorageError: they cannot be written.
    """
    part = exposure.part
    path = folder / f"{stem}.{_ENDINGS[request.format]}"
    record = StillRecord(
        file=path.name,
        sha256=hashlib.sha256(picture).hexdigest(),
        size=len(picture),
        camera_id=request.camera_id,
        camera_name=name,
        at_us=request.at_us,
        shown_us=part.start_us,
        replaced_us=part.end_us,
        codec=part.video_format.codec,
        width=part.video_format.width,
        height=part.video_format.height,
        original=exposure.original(request.format) is not None,
        source=source,
    )
    try:
        files = [_write(path, picture, part), _write(folder / f"{stem}.json", record.to_jsonb(), part)]
        fsync_folder(folder)
    except OSError as error:
        raise storage_error(error, "Writing the still") from error
    return files


def _shown(part: ClipPart) -> int:
    """The number, in decoding order, of the sample that the edit list begins with."""
    dts = 0
    for index, (duration, offset) in enumerate(zip(part.table.durations, part.table.composition_offsets, strict=True)):
        if dts + offset == part.show_start:
            return index
        dts += duration
    raise RuntimeError("a plan shows one of its samples")


def _path_of(part: ClipPart, index: int) -> Path:
    ends = accumulate(extent.samples for extent in part.extents)
    return next(extent.path for extent, end in zip(part.extents, ends, strict=True) if index < end)


def _write(path: Path, content: bytes, part: ClipPart) -> ExportFile:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return ExportFile(
        path=str(path),
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        start_us=part.start_us,
        end_us=part.end_us,
        duration_us=0,
        frames=1,
        lead_in_us=0,
    )
