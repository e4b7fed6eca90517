"""Reading what stands before a fragment's data, in one go where it is short.

Only what `fragment` writes is understood; everything else raises `Mp4Error`. Media data is never read.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import batched
from typing import BinaryIO, NamedTuple

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

MAX_HEADER_BYTES = 4 << 20
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
class FragmentHead:
    """A fragment's `header`, which is all its bytes before its samples' data, and what it says of the whole fragment.

    The numbers are those of `FragmentLayout`; `rows` are duration, size, flags, composition offset of each sample.
    """

    offset: int
    size: int
    sequence: int
    base_dts: int
    start_us: int
    header: bytes
    rows: tuple[int, ...]

    @property
    def samples(self) -> int:
        """How many samples it has."""
        return len(self.rows) // 4

    @property
    def duration(self) -> int:
        """The sum of its samples' durations, in media time."""
        return sum(self.rows[::4])

    @property
    def digests(self) -> bytes:
        """The SHA-256 of its samples' data, one behind the other."""
        return self.header[REFERENCE_AND_DIGESTS.size : REFERENCE_AND_DIGESTS.size + self.samples * DIGEST_BYTES]

    @property
    def syncs(self) -> list[bool]:
        """Which of its samples are sync samples."""
        return [not flags & NON_SYNC_BIT for flags in self.rows[2::4]]

    @property
    def sync(self) -> bool:
        """Whether its first sample is a sync sample."""
        return not self.rows[2] & NON_SYNC_BIT

    @property
    def decoding_us(self) -> int:
        """The UTC at which its first sample is due for decoding."""
        return self.start_us - self.rows[3] * 1_000_000 // TIMESCALE

    def layout(self) -> FragmentLayout:
        """The fragment with all its samples."""
        digests_at = REFERENCE_AND_DIGESTS.size
        position = self.offset + len(self.header)
        samples = []
        for duration, size, flags, composition_offset in batched(self.rows, 4, strict=True):
            digest = self.header[digests_at : digests_at + DIGEST_BYTES]
            samples.append(SampleLayout(position, size, duration, composition_offset, not flags & NON_SYNC_BIT, digest))
            digests_at += DIGEST_BYTES
            position += size
        return FragmentLayout(self.offset, self.size, self.sequence, self.base_dts, self.start_us, tuple(samples))


def read_head(file: BinaryIO, offset: int, limit: int) -> FragmentHead:
    """Read the boxes of a fragment that ends at or before `limit`: they have one order and no others between them.

    Raises:
        Mp4Error: there is no such fragment.
        OSError: the file cannot be read.
    """
    window = read_bytes(file, offset, min(_WINDOW_BYTES, limit - offset))
    ntp, media_time, count = _checked_reference(window, offset)
    movie_at = REFERENCE_AND_DIGESTS.size + count * DIGEST_BYTES
    if movie_at > MAX_HEADER_BYTES:
        raise Mp4Error(f"The fragment at {offset} has too many samples")
    table = run_table(count)
    table_at = movie_at + MOVIE_FRAGMENT.size
    data_at = table_at + table.size
    needed = min(data_at + LARGE_HEADER_BYTES, limit - offset)
    if needed > len(window):
        window += read_bytes(file, offset + len(window), needed - len(window))
    data = parse_header(window[data_at : data_at + LARGE_HEADER_BYTES], offset + data_at, limit)
    data_header_bytes = data.payload - data.offset
    sequence, base_dts = _checked_movie_fragment(window, movie_at, count, data_header_bytes, offset)
    rows = table.unpack_from(window, table_at)
    if data.kind != b"mdat" or data.payload + sum(rows[1::4]) != data.end:
        raise Mp4Error(f"The data of the fragment at {offset} does not fit its samples")
    # The reference names a moment of the media; the first sample is presented then, or a little before or after.
    first_pts = base_dts + rows[3]
    start_us = us_from_ntp(ntp) + (first_pts - media_time) * 1_000_000 // TIMESCALE
    header = window[: data.payload - offset]
    return FragmentHead(offset, data.end - offset, sequence, base_dts, start_us, header, rows)


def read_bytes(file: BinaryIO, offset: int, size: int) -> bytes:
    """Read exactly so many bytes.

    Raises:
        Mp4Error: the file ends before.
        OSError: it cannot be read.
    """
    file.seek(offset)
    data = file.read(size)
    if len(data) != size:
        raise Mp4Error(f"The file ends before {offset + size}")
    return data


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
