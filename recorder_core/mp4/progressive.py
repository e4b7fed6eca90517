"""The head of a progressive MP4: everything before the media data, for players that know no fragments.

The file shows one interval through its edit list (ISO/IEC 14496-12 section 8.6.6). What is decoded before it, because
pictures need it, and what is decoded with it but shown later lies in the file and is not shown.
"""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from recorder_core.media import Codec
from recorder_core.mp4.boxes import box, full_box, mdat_header
from recorder_core.mp4.track import (
    SECONDS_1904_TO_1970,
    VIDEO_HANDLER,
    media_header,
    movie_header,
    sample_description,
    track_header,
    video_media,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recorder_core.media import VideoFormat

_SAMPLES_PER_CHUNK = 32
"""About a second: players read a chunk at a time."""

_BRANDS = {
    Codec.H264: (b"isom", b"iso2", b"avc1", b"mp41"),
    Codec.H265: (b"isom", b"iso2", b"mp41"),
    Codec.MJPEG: (b"isom", b"iso2", b"mp41"),
}

_MAX_U32 = 0xFFFF_FFFF
_MAX_I32 = 0x7FFF_FFFF


@dataclass(frozen=True, slots=True)
class SampleTable:
    """The samples of a file in decoding order, by column.

    `sizes` in bytes; `durations` and `composition_offsets` in 1/90 000 s, the latter shifted so that none is negative;
    `sync` the indices of the sync samples, from 0.
    """

    sizes: array[int] = field(default_factory=lambda: array("I"))
    durations: array[int] = field(default_factory=lambda: array("I"))
    composition_offsets: array[int] = field(default_factory=lambda: array("I"))
    sync: array[int] = field(default_factory=lambda: array("I"))


def derived_handler(camera_id: str) -> str:
    """What the handler of a track is called whose pictures were encoded anew: the mark that such a file bears."""
    return f"Re-encoded, not original: {camera_id}"


def progressive_header(
    fmt: VideoFormat,
    table: SampleTable,
    *,
    show_start: int,
    show_duration: int,
    created_us: int,
    handler: str = VIDEO_HANDLER,
) -> bytes:
    """`ftyp`, `moov` and the head of `mdat`; the samples' data follow one behind the other.

    `show_start` is the composition time at which the file begins to be shown, `show_duration` how long, both in media
    time; `created_us` is the UTC of the first picture shown, which the file gives as its time of creation. `handler` is
    another one than usual only where the pictures are not those that were recorded (`derived_handler`).

    Raises:
        ParameterSetError: the format's parameter sets are not valid.
    """
    created_s = created_us // 1_000_000 + SECONDS_1904_TO_1970
    data_bytes = sum(table.sizes)
    data_header = mdat_header(data_bytes)
    file_type = _file_type(fmt.codec)
    head = movie_header(created_s, show_duration)
    track_head = track_header(fmt, created_s, show_duration) + _edit_list(show_start, show_duration)
    media_head = media_header(created_s, sum(table.durations))
    description = sample_description(fmt)
    tables = _timing(table) + _sizes_and_chunks(table)
    chunks = _chunk_offsets(table)

    def movie(chunk_table: bytes) -> bytes:
        media = video_media(media_head, description, tables, chunk_table, handler=handler)
        return box(b"moov", head, box(b"trak", track_head, media))

    # The offsets depend on the length of the movie, and that on how many bytes an offset takes.
    kind, code = b"stco", "I"
    data_offset = len(file_type) + len(movie(full_box(kind, 0, 0, bytes(4 + 4 * len(chunks))))) + len(data_header)
    if data_offset + data_bytes > _MAX_U32:
        kind, code = b"co64", "Q"
        data_offset += 4 * len(chunks)
    offsets = [data_offset + chunk for chunk in chunks]
    return file_type + movie(full_box(kind, 0, 0, len(chunks).to_bytes(4), _pack(code, offsets))) + data_header


def _file_type(codec: Codec) -> bytes:
    return box(b"ftyp", b"isom", (512).to_bytes(4), *_BRANDS[codec])


def _edit_list(show_start: int, show_duration: int) -> bytes:
    """`edts` with `elst`, section 8.6.6, one entry at normal speed."""
    large = show_duration > _MAX_U32 or show_start > _MAX_I32
    entry = struct.pack(">IQqI" if large else ">IIiI", 1, show_duration, show_start, 0x10000)
    return box(b"edts", full_box(b"elst", int(large), 0, entry))


def _timing(table: SampleTable) -> bytes:
    """`stts`, `ctts` version 0 and `stss`, sections 8.6.1 and 8.6.2; the latter two where they say anything."""
    boxes = full_box(b"stts", 0, 0, _run_lengths(table.durations))
    if any(table.composition_offsets):
        boxes += full_box(b"ctts", 0, 0, _run_lengths(table.composition_offsets))
    if len(table.sync) < len(table.sizes):
        numbers = [index + 1 for index in table.sync]
        boxes += full_box(b"stss", 0, 0, len(numbers).to_bytes(4), _pack("I", numbers))
    return boxes


def _run_lengths(values: Sequence[int]) -> bytes:
    """A counted table of (how many samples in a row, value)."""
    rows: list[int] = []
    for value, run in groupby(values):
        rows.extend((sum(1 for _ in run), value))
    return (len(rows) // 2).to_bytes(4) + _pack("I", rows)


def _sizes_and_chunks(table: SampleTable) -> bytes:
    """`stsz` and `stsc`, sections 8.7.3 and 8.7.4."""
    count = len(table.sizes)
    full_chunks, rest = divmod(count, _SAMPLES_PER_CHUNK)
    rows: list[int] = []
    if full_chunks:
        rows.extend((1, _SAMPLES_PER_CHUNK, 1))
    if rest:
        rows.extend((full_chunks + 1, rest, 1))
    return full_box(b"stsz", 0, 0, bytes(4), count.to_bytes(4), _pack("I", table.sizes)) + full_box(
        b"stsc", 0, 0, (len(rows) // 3).to_bytes(4), _pack("I", rows)
    )


def _chunk_offsets(table: SampleTable) -> list[int]:
    """Where each chunk begins, counted from the beginning of the data."""
    offsets = []
    position = 0
    for first in range(0, len(table.sizes), _SAMPLES_PER_CHUNK):
        offsets.append(position)
        position += sum(table.sizes[first : first + _SAMPLES_PER_CHUNK])
    return offsets


def _pack(code: str, values: Sequence[int]) -> bytes:
    return struct.pack(f">{len(values)}{code}", *values)
