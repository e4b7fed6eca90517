"""Reading a progressive file back: it must be, byte for byte, what `progressive` writes for the samples in it.

So there is one video track in it and nothing else: no byte that is neither one of its headers nor of a sample that
they tell of (invariant 5). Media data is never read.
"""

from __future__ import annotations

import struct
import sys
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recorder_core.mp4.boxes import LARGE_HEADER_BYTES, BoxHeader, Mp4Error, find_box, iter_boxes, parse_header
from recorder_core.mp4.fragment_head import read_bytes
from recorder_core.mp4.progressive import SampleTable, derived_handler, progressive_header
from recorder_core.mp4.sample_entry import parse_sample_entry
from recorder_core.mp4.track import SECONDS_1904_TO_1970, VIDEO_HANDLER, only_video_track
from recorder_core.parameter_sets import ParameterSetError

if TYPE_CHECKING:
    from typing import BinaryIO

    from recorder_core.media import VideoFormat

_MAX_HEADER_BYTES = 256 << 20
"""More than the tables of a day of 60 pictures a second take."""

_HANDLER_HEAD_BYTES = 24
"""What stands in `hdlr` before its name (section 8.4.3)."""

_LONGEST_ID = 64
"""More letters no camera's id has."""

_SAMPLE_TABLE = (b"mdia", b"minf", b"stbl")


@dataclass(frozen=True, slots=True)
class ProgressiveLayout:
    """A progressive file; the data of its samples follow each other from `data_offset` to its end.

    `show_start` and `show_duration` are those of its edit list, in media time; `created_s` is a UTC since 1970.
    `handler` is `VIDEO_HANDLER`, or says that the pictures were encoded anew (`derived_handler`).
    """

    video_format: VideoFormat
    table: SampleTable
    show_start: int
    show_duration: int
    created_s: int
    data_offset: int
    handler: str

    def presentation_times(self) -> list[int]:
        """Return when each sample is presented on a player's time line, in media time; before 0 it is hidden."""
        times = []
        dts = -self.show_start
        for duration, offset in zip(self.table.durations, self.table.composition_offsets, strict=True):
            times.append(dts + offset)
            dts += duration
        return times


def read_progressive(file: BinaryIO, begin: int, size: int) -> ProgressiveLayout:
    """Read the headers of the progressive file that lies in `file` from `begin` on and has `size` bytes.

    Raises:
        Mp4Error: it is none of the recorder's, or there is anything else in it.
        OSError: it cannot be read.
    """
    end = begin + size
    movie = _header(file, _header(file, begin, end, b"ftyp").end, end, b"moov")
    data = _header(file, movie.end, end, b"mdat")
    if data.end != end:
        raise Mp4Error(f"Something follows the data at {data.end - begin}")
    if data.payload - begin > _MAX_HEADER_BYTES:
        raise Mp4Error("The headers are too long")
    layout = _parsed(read_bytes(file, movie.payload, movie.end - movie.payload), data.payload - begin)
    if data.payload + sum(layout.table.sizes) != end:
        raise Mp4Error("The data do not fit the samples")
    try:
        expected = progressive_header(
            layout.video_format,
            layout.table,
            show_start=layout.show_start,
            show_duration=layout.show_duration,
            created_us=layout.created_s * 1_000_000,
            handler=layout.handler,
        )
    except (ParameterSetError, struct.error, OverflowError) as error:
        raise Mp4Error("The headers are malformed") from error
    if read_bytes(file, begin, layout.data_offset) != expected:
        raise Mp4Error("The headers are not those that the recorder writes for these samples")
    return layout


def _header(file: BinaryIO, offset: int, end: int, kind: bytes) -> BoxHeader:
    header = parse_header(read_bytes(file, offset, min(LARGE_HEADER_BYTES, end - offset)), offset, end)
    if header.kind != kind:
        raise Mp4Error(f"There is no {kind.decode()} box at {offset}")
    return header


def _parsed(movie: bytes, data_offset: int) -> ProgressiveLayout:
    """What the payload of a `moov` box says."""
    track = only_video_track(movie)
    times = find_box(movie, 0, len(movie), b"mvhd")
    edits = find_box(movie, track.payload, track.end, b"edts", b"elst")
    tables = find_box(movie, track.payload, track.end, *_SAMPLE_TABLE)
    boxes = {
        header.kind: movie[header.payload : header.end] for header in iter_boxes(movie, tables.payload, tables.end)
    }
    descriptions = find_box(movie, tables.payload, tables.end, b"stsd")
    handler = find_box(movie, track.payload, track.end, b"mdia", b"hdlr")
    try:
        name = movie[handler.payload + _HANDLER_HEAD_BYTES : handler.end - 1].decode()
        created_s = struct.unpack_from(">4xQ" if movie[times.payload] else ">4xI", movie, times.payload)[0]
        show_duration, show_start = struct.unpack_from(
            ">8xQq" if movie[edits.payload] else ">8xIi", movie, edits.payload
        )
        sizes = _numbers(boxes[b"stsz"], 8)
        durations = _expanded(boxes[b"stts"], len(sizes))
        offsets = _expanded(boxes[b"ctts"], len(sizes)) if b"ctts" in boxes else array("I", bytes(4 * len(sizes)))
        sync = array("I", range(len(sizes)))
        if b"stss" in boxes:
            sync = array("I", (number - 1 for number in _numbers(boxes[b"stss"], 4)))
    except (struct.error, IndexError, KeyError, ValueError, OverflowError) as error:
        raise Mp4Error("The sample table is malformed") from error
    if show_start < 0:
        raise Mp4Error("The edit list begins with nothing")
    if name != VIDEO_HANDLER and not _is_derived(name):
        raise Mp4Error("The track has a name that the recorder gives to none")
    return ProgressiveLayout(
        video_format=parse_sample_entry(movie, min(descriptions.payload + 8, descriptions.end), descriptions.end),
        table=SampleTable(sizes, durations, offsets, sync),
        show_start=show_start,
        show_duration=show_duration,
        created_s=created_s - SECONDS_1904_TO_1970,
        data_offset=data_offset,
        handler=name,
    )


def _is_derived(name: str) -> bool:
    """Whether a track is called as re-encoded pictures are, of a camera whose id hides nothing."""
    whose = name.removeprefix(derived_handler(""))
    return whose != name and len(whose) <= _LONGEST_ID and name.isprintable()


def _numbers(payload: bytes, head_bytes: int) -> array[int]:
    """The 32-bit numbers of a table whose count is the last field of its head of so many bytes and a version."""
    (count,) = struct.unpack_from(">I", payload, head_bytes)
    numbers = array("I", payload[head_bytes + 4 :])
    if sys.byteorder == "little":
        numbers.byteswap()
    if len(numbers) != count:
        raise ValueError("Another number of entries")
    return numbers


def _expanded(payload: bytes, samples: int) -> array[int]:
    """A counted table of (how many samples in a row, value), as the value of each of so many samples."""
    (count,) = struct.unpack_from(">I", payload, 4)
    values = array("I")
    for run, value in struct.iter_unpack(">II", payload[8:]):
        if not run or run > samples - len(values):
            raise ValueError("The runs are not those of the samples")
        values.extend([value] * run)
        count -= 1
    if count or len(values) != samples:
        raise ValueError("The runs are not those of the samples")
    return values
