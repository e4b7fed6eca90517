"""The init segment: the `ftyp` and `moov` at the start of every file, one video track, never audio (invariant 5).

The `moov` carries the ids of camera, run and segment, so that the files alone suffice to rebuild the index
(invariant 7). They stand in a `uuid` box of the extended type `IDENTITY_UUID`; its payload, big-endian:

    u8   version, 0
    u24  flags, 0
    u64  segment id
    u8   length of the camera id in bytes, then the id in UTF-8
    u8   length of the run id in bytes, then the id in UTF-8
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from recorder_core.media import TIMESCALE, VideoFormat
from recorder_core.mp4.boxes import UUID_BYTES, Mp4Error, box, find_box, full_box, iter_boxes, uuid_box
from recorder_core.mp4.sample_entry import parse_sample_entry
from recorder_core.mp4.track import (
    media_header,
    movie_header,
    only_video_track,
    sample_description,
    track_header,
    video_media,
)

IDENTITY_UUID = bytes.fromhex("5c1b8f6e2d0a4d35a7e94b0c61f3d872")
"""The extended type of the box that holds the ids."""

TRACK_ID = 1

_FILE_TYPE = box(b"ftyp", b"iso6", bytes(4), b"iso6", b"iso5", b"isom")
"""`iso6` has `tfdt` and signed composition offsets, `iso5` default-base-is-moof (ISO/IEC 14496-12 annex E)."""


@dataclass(frozen=True, slots=True)
class InitSegment:
    """What an init segment says: whose footage the file holds, and its format."""

    camera_id: str
    run_id: str
    segment_id: int
    video_format: VideoFormat


def init_segment(fmt: VideoFormat, *, camera_id: str, run_id: str, segment_id: int) -> bytes:
    """The bytes before the first fragment. The ids have at most 255 bytes each in UTF-8.

    Raises:
        ParameterSetError: the format's parameter sets are not valid.
    """
    tables = b"".join(full_box(kind, 0, 0, bytes(4)) for kind in (b"stts", b"stsc", b"stco"))
    # All durations are 0: they lie in the fragments (ISO/IEC 14496-12 section 8.8.1).
    media = video_media(media_header(0, 0), sample_description(fmt), tables, full_box(b"stsz", 0, 0, bytes(8)))
    track = box(b"trak", track_header(fmt, created_s=0, duration=0), media)
    # Defaults: the first sample description; durations, sizes and flags come with each sample.
    extends = box(b"mvex", full_box(b"trex", 0, 0, struct.pack(">5I", TRACK_ID, 1, 0, 0, 0)))
    camera, run = camera_id.encode(), run_id.encode()
    identity = struct.pack(f">IQB{len(camera)}sB{len(run)}s", 0, segment_id, len(camera), camera, len(run), run)
    movie = box(b"moov", movie_header(0, 0), track, extends, uuid_box(IDENTITY_UUID, identity))
    return _FILE_TYPE + movie


def parse_movie(data: bytes) -> InitSegment:
    """What the payload of a `moov` box says.

    Raises:
        Mp4Error: it is malformed, or not one of the recorder.
    """
    size = len(data)
    track = only_video_track(data)
    media = find_box(data, track.payload, track.end, b"mdia", b"mdhd")
    timescale = data[media.payload + 12 : media.payload + 16]
    if data[media.payload : media.payload + 1] != b"\0" or timescale != TIMESCALE.to_bytes(4):
        raise Mp4Error(f"The track's timescale is not {TIMESCALE}")
    descriptions = find_box(data, track.payload, track.end, b"mdia", b"minf", b"stbl", b"stsd")
    fmt = parse_sample_entry(data, min(descriptions.payload + 8, descriptions.end), descriptions.end)
    for header in iter_boxes(data, 0, size):
        payload = data[header.payload : header.end]
        if header.kind == b"uuid" and payload.startswith(IDENTITY_UUID):
            camera_id, run_id, segment_id = _parse_identity(payload[UUID_BYTES:])
            return InitSegment(camera_id, run_id, segment_id, fmt)
    raise Mp4Error("The file does not say whose footage it holds")


def _parse_identity(payload: bytes) -> tuple[str, str, int]:
    try:
        version, segment_id = struct.unpack_from(">B3xQ", payload)
        if version != 0:
            raise Mp4Error(f"The ids have the unknown version {version}")
        position = 12
        texts = []
        for _ in ("camera", "run"):
            end = position + 1 + payload[position]
            if end > len(payload):
                raise Mp4Error("The ids are truncated")
            texts.append(payload[position + 1 : end].decode())
            position = end
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise Mp4Error("The ids are malformed") from error
    return texts[0], texts[1], segment_id
