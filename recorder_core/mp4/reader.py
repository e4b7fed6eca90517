"""Reading segment files back by their headers alone: for the index's rebuild, playback and export.

A file may be torn anywhere (invariant 7): reading stops at the last whole fragment and says where that ends. Only what
`init` and `fragment` write is understood; everything else raises `Mp4Error`. Media data is never read.
"""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from recorder_core.media import TIMESCALE
from recorder_core.mp4.boxes import LARGE_HEADER_BYTES, Mp4Error, parse_header
from recorder_core.mp4.fragment import (
    DIGEST_BYTES,
    MOVIE_FRAGMENT,
    NON_SYNC_BIT,
    REFERENCE_AND_DIGESTS,
    movie_fragment_fields,
    reference_and_digests_fields,
    run_table,
    us_from_ntp,
)
from recorder_core.mp4.init import InitSegment, parse_movie
from recorder_core.mp4.track import only_video_track

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from recorder_core.media import VideoFormat

_MAX_HEADER_BYTES = 4 << 20
"""No `moov`, and no box of digests, may be longer; that is more than 100 000 samples in one second."""

_WINDOW_BYTES = 2048
"""What is read of a fragment at first; enough for about 38 samples."""


class SampleLayout(NamedTuple):
    """A sample in its file: `offset` and `size` in bytes, times in 1/90 000 s, `digest` the SHA-256 of its data."""

    offset: int
    size: int
    duration: int
    composition_offset: int
    sync: bool
    digest: bytes


@dataclass(frozen=True, slots=True)
class FragmentLayout:
    """A fragment in its file, from its `prft` at `offset` on, `size` bytes to the end of its `mdat`.

    `base_dts` is the decoding time of its first sample since the beginning of the file, `start_us` the UTC of that
    sample's presentation.
    """

    offset: int
    size: int
    sequence: int
    base_dts: int
    start_us: int
    samples: tuple[SampleLayout, ...]

    @property
    def duration(self) -> int:
        """The sum of its samples' durations, in media time."""
        return sum(sample.duration for sample in self.samples)


@dataclass(frozen=True, slots=True)
class SegmentLayout:
    """A segment file. `whole_size` is where its last whole fragment ends, or its init segment if it has none."""

    camera_id: str
    run_id: str
    segment_id: int
    video_format: VideoFormat
    fragments: tuple[FragmentLayout, ...]
    whole_size: int


def read_segment(source: Path | BinaryIO) -> SegmentLayout:
    """Read all headers of a segment file, as far as it is whole.

    Raises:
        Mp4Error: it has no whole init segment of the recorder.
        OSError: it cannot be read.
    """
    with _opened(source) as file:
        limit = file.seek(0, os.SEEK_END)
        init, offset = _read_init(file, limit)
        fragments: list[FragmentLayout] = []
        while offset < limit:
            try:
                fragment = _read_fragment(file, offset, limit)
            except Mp4Error:
                break  # the torn end of a file that was being written
            fragments.append(fragment)
            offset += fragment.size
    return SegmentLayout(
        init.camera_id, init.run_id, init.segment_id, init.video_format, tuple(fragments), whole_size=offset
    )


def read_init(source: Path | BinaryIO) -> InitSegment:
    """Read only the init segment of a file.

    Raises:
        Mp4Error: it is no whole init segment of the recorder.
        OSError: it cannot be read.
    """
    with _opened(source) as file:
        return _read_init(file, file.seek(0, os.SEEK_END))[0]


def read_fragment(file: BinaryIO, offset: int, size: int) -> FragmentLayout:
    """Read the headers of the fragment that the index says to lie at `offset` with `size` bytes.

    Raises:
        Mp4Error: there is no such fragment.
        OSError: the file cannot be read.
    """
    fragment = _read_fragment(file, offset, offset + size)
    if fragment.size != size:
        raise Mp4Error(f"The fragment at {offset} has {fragment.size} bytes instead of {size}")
    return fragment


def check_only_video_track(source: Path | BinaryIO) -> None:
    """Make sure that a file, fragmented or progressive, has one track, and that it is video (invariant 5).

    There is no audio track and no audio sample entry in it then. Only its `moov` is read.

    Raises:
        Mp4Error: it has not, or is malformed.
        OSError: it cannot be read.
    """
    with _opened(source) as file:
        only_video_track(_read_movie(file, file.seek(0, os.SEEK_END), max_bytes=None)[0])


def _opened(source: Path | BinaryIO) -> AbstractContextManager[BinaryIO]:
    if isinstance(source, os.PathLike):
        # Without a buffer: it would read ahead into the media data.
        return source.open("rb", buffering=0)
    return nullcontext(source)


def _read(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    data = file.read(size)
    if len(data) != size:
        raise Mp4Error(f"The file ends before {offset + size}")
    return data


def _read_init(file: BinaryIO, limit: int) -> tuple[InitSegment, int]:
    """What the init segment says, and where it ends."""
    movie, end = _read_movie(file, limit, max_bytes=_MAX_HEADER_BYTES)
    return parse_movie(movie), end


def _read_movie(file: BinaryIO, limit: int, max_bytes: int | None) -> tuple[bytes, int]:
    """The payload of the `moov` that follows the `ftyp`, and where it ends."""
    end = 0
    for kind in (b"ftyp", b"moov"):
        header = parse_header(_read(file, end, min(LARGE_HEADER_BYTES, limit - end)), end, limit)
        if header.kind != kind:
            raise Mp4Error(f"There is no {kind.decode()} box at {end}")
        end = header.end
    size = header.end - header.payload
    if max_bytes is not None and size > max_bytes:
        raise Mp4Error("The moov box is too long")
    return _read(file, header.payload, size), end


def _read_fragment(file: BinaryIO, offset: int, limit: int) -> FragmentLayout:
    """Read one fragment that ends at or before `limit`: its boxes have one order and no others between them."""
    window = _read(file, offset, min(_WINDOW_BYTES, limit - offset))
    ntp, media_time, count = _checked_reference(window, offset)
    movie_at = REFERENCE_AND_DIGESTS.size + count * DIGEST_BYTES
    if movie_at > _MAX_HEADER_BYTES:
        raise Mp4Error(f"The fragment at {offset} has too many samples")
    table = run_table(count)
    table_at = movie_at + MOVIE_FRAGMENT.size
    data_at = table_at + table.size
    needed = min(data_at + LARGE_HEADER_BYTES, limit - offset)
    if needed > len(window):
        window += _read(file, offset + len(window), needed - len(window))
    data = parse_header(window[data_at : data_at + LARGE_HEADER_BYTES], offset + data_at, limit)
    data_header_bytes = data.payload - data.offset
    sequence, base_dts = _checked_movie_fragment(window, movie_at, count, data_header_bytes, offset)
    digests = window[REFERENCE_AND_DIGESTS.size : movie_at]
    samples = []
    position = data.payload
    for index, (duration, size, flags, composition_offset) in enumerate(
        batched(table.unpack_from(window, table_at), 4, strict=True)
    ):
        digest = digests[index * DIGEST_BYTES : (index + 1) * DIGEST_BYTES]
        samples.append(SampleLayout(position, size, duration, composition_offset, not flags & NON_SYNC_BIT, digest))
        position += size
    if data.kind != b"mdat" or position != data.end:
        raise Mp4Error(f"The data of the fragment at {offset} does not fit its samples")
    # The reference names a moment of the media; the first sample is presented then, or a little before or after.
    first_pts = base_dts + samples[0].composition_offset
    start_us = us_from_ntp(ntp) + (first_pts - media_time) * 1_000_000 // TIMESCALE
    return FragmentLayout(offset, data.end - offset, sequence, base_dts, start_us, tuple(samples))


def _checked_reference(window: bytes, offset: int) -> tuple[int, int, int]:
    """NTP time, media time and number of samples."""
    if len(window) < REFERENCE_AND_DIGESTS.size:
        raise Mp4Error(f"The fragment at {offset} is truncated")
    fields = REFERENCE_AND_DIGESTS.unpack_from(window)
    ntp, media_time, count = fields[4], fields[5], fields[-1]
    if not count or fields != reference_and_digests_fields(ntp, media_time, count):
        raise Mp4Error(f"There is no fragment of the recorder at {offset}")
    return ntp, media_time, count


def _checked_movie_fragment(
    window: bytes, position: int, count: int, data_header_bytes: int, offset: int
) -> tuple[int, int]:
    """Sequence number and decoding time of the first sample."""
    fields = MOVIE_FRAGMENT.unpack_from(window, position)
    sequence, base_dts = fields[5], fields[15]
    if fields != movie_fragment_fields(sequence, base_dts, count, data_header_bytes):
        raise Mp4Error(f"The movie fragment of the fragment at {offset} is not one of the recorder")
    return sequence, base_dts
