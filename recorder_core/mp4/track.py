"""The boxes that init segments and progressive files have in common: movie, track and media of one video track.

There is no other track, and no audio (invariant 5); `only_video_track` says whether that holds for a file's `moov`.

Times of creation are seconds since 1904-01-01 UTC, 0 where they are not told; durations are in `TIMESCALE`, for the
movie as for the track, so that an edit list can name any moment of the media exactly.
"""

from __future__ import annotations

import struct

from recorder_core.media import TIMESCALE, VideoFormat
from recorder_core.mp4.boxes import BoxHeader, Mp4Error, box, find_box, full_box, iter_boxes
from recorder_core.mp4.sample_entry import one_video_entry, sample_entry

SECONDS_1904_TO_1970 = 2_082_844_800

_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x4000_0000)
_ENABLED_IN_MOVIE_AND_PREVIEW = 7
_ENTRIES_HEAD_BYTES = 8  # version, flags, number of entries
_LANGUAGE_UNDETERMINED = 0x55C4  # "und", three letters of 5 bits

VIDEO_HANDLER = "VideoHandler"
"""How the handler of a track is called whose pictures are as they were recorded."""

_VIDEO_HEADER = full_box(b"vmhd", 0, 1, bytes(8))
_DATA_IN_THIS_FILE = box(b"dinf", full_box(b"dref", 0, 0, (1).to_bytes(4), full_box(b"url ", 0, 1)))


def movie_header(created_s: int, duration: int) -> bytes:
    """`mvhd`, section 8.2.2."""
    times, version = _times(created_s, duration, struct.pack(">I", TIMESCALE))
    rate_and_volume = struct.pack(">IH10x", 0x10000, 0x100)
    next_track_id = (2).to_bytes(4)
    return full_box(b"mvhd", version, 0, times, rate_and_volume, _MATRIX, bytes(24), next_track_id)


def track_header(fmt: VideoFormat, created_s: int, duration: int) -> bytes:
    """`tkhd`, section 8.3.2, of track 1."""
    times, version = _times(created_s, duration, struct.pack(">II", 1, 0))
    size = struct.pack(">II", fmt.width << 16, fmt.height << 16)
    return full_box(b"tkhd", version, _ENABLED_IN_MOVIE_AND_PREVIEW, times, bytes(16), _MATRIX, size)


def media_header(created_s: int, duration: int) -> bytes:
    """`mdhd`, section 8.4.2."""
    times, version = _times(created_s, duration, struct.pack(">I", TIMESCALE))
    return full_box(b"mdhd", version, 0, times, struct.pack(">HH", _LANGUAGE_UNDETERMINED, 0))


def sample_description(fmt: VideoFormat) -> bytes:
    """`stsd`, section 8.5.2, with the one sample entry."""
    return full_box(b"stsd", 0, 0, (1).to_bytes(4), sample_entry(fmt))


def video_media(header: bytes, *sample_tables: bytes, handler: str = VIDEO_HANDLER) -> bytes:
    """`mdia`, section 8.4.1, around a media header and the boxes of the sample table.

    `handler` is what `hdlr`, section 8.4.3, tells people of the track.
    """
    return box(
        b"mdia",
        header,
        full_box(b"hdlr", 0, 0, bytes(4), b"vide", bytes(12), handler.encode(), bytes(1)),
        box(b"minf", _VIDEO_HEADER, _DATA_IN_THIS_FILE, box(b"stbl", *sample_tables)),
    )


def only_video_track(movie: bytes) -> BoxHeader:
    """The one `trak` box of a `moov` payload, which must be video, with one sample entry that is (invariant 5).

    Raises:
        Mp4Error: the movie has any other tracks or sample entries, or is malformed.
    """
    tracks = [header for header in iter_boxes(movie, 0, len(movie)) if header.kind == b"trak"]
    if len(tracks) != 1:
        raise Mp4Error(f"The file has {len(tracks)} tracks")
    handler = find_box(movie, tracks[0].payload, tracks[0].end, b"mdia", b"hdlr")
    if movie[handler.payload + 8 : handler.payload + 12] != b"vide":
        raise Mp4Error("The track is no video")
    entries = find_box(movie, tracks[0].payload, tracks[0].end, b"mdia", b"minf", b"stbl", b"stsd")
    one_video_entry(movie, entries.payload + _ENTRIES_HEAD_BYTES, entries.end)
    return tracks[0]


def _times(created_s: int, duration: int, between: bytes) -> tuple[bytes, int]:
    """Creation, modification, what stands between, and the duration; version 1 where 32 bits do not suffice."""
    if max(created_s, duration) <= 0xFFFF_FFFF:
        return struct.pack(">II", created_s, created_s) + between + struct.pack(">I", duration), 0
    return struct.pack(">QQ", created_s, created_s) + between + struct.pack(">Q", duration), 1
