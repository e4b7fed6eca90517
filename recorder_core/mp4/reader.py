"""Reading segment files back by their headers alone: for the index's rebuild, playback and export.

A file may be torn anywhere (invariant 7): reading stops at the last whole fragment and says where that ends. Only what
`init` and `fragment` write is understood; everything else raises `Mp4Error`. Media data is never read.
"""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from recorder_core.merkle import root_of
from recorder_core.mp4.boxes import LARGE_HEADER_BYTES, Mp4Error, parse_header
from recorder_core.mp4.fragment_head import MAX_HEADER_BYTES, FragmentHead, FragmentLayout, read_bytes, read_head
from recorder_core.mp4.init import InitSegment, parse_movie
from recorder_core.mp4.root import segment_leaves
from recorder_core.mp4.track import only_video_track

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from recorder_core.media import VideoFormat


@dataclass(frozen=True, slots=True)
class SegmentOutline:
    """A segment file by what its row in the index says; `whole_size` as of `SegmentLayout`, its `root` up to there."""

    camera_id: str
    run_id: str
    segment_id: int
    video_format: VideoFormat
    fragments: tuple[FragmentHead, ...]
    whole_size: int
    root: bytes


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
        init, _, heads, whole_size = _read_heads(file)
    fragments = tuple(head.layout() for head in heads)
    return SegmentLayout(init.camera_id, init.run_id, init.segment_id, init.video_format, fragments, whole_size)


def read_outline(source: Path | BinaryIO) -> SegmentOutline:
    """Read all headers of a segment file, as far as it is whole, once each; several times as quick as `read_segment`.

    Raises:
        Mp4Error: it has no whole init segment of the recorder.
        OSError: it cannot be read.
    """
    with _opened(source) as file:
        init, init_bytes, heads, whole_size = _read_heads(file)
        root = root_of(segment_leaves(read_bytes(file, 0, init_bytes), heads))
    return SegmentOutline(
        init.camera_id, init.run_id, init.segment_id, init.video_format, tuple(heads), whole_size, root
    )


def _read_heads(file: BinaryIO) -> tuple[InitSegment, int, list[FragmentHead], int]:
    """The init segment and where it ends, and the whole fragments and where they end."""
    limit = file.seek(0, os.SEEK_END)
    init, init_bytes = _read_init(file, limit)
    heads: list[FragmentHead] = []
    offset = init_bytes
    while offset < limit:
        try:
            head = read_head(file, offset, limit)
        except Mp4Error:
            break  # the torn end of a file that was being written
        heads.append(head)
        offset += head.size
    return init, init_bytes, heads, offset


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
    return read_fragment_head(file, offset, size).layout()


def read_fragment_head(file: BinaryIO, offset: int, size: int) -> FragmentHead:
    """Do the same without taking the samples apart.

    Raises:
        Mp4Error: there is no such fragment.
        OSError: the file cannot be read.
    """
    head = read_head(file, offset, offset + size)
    if head.size != size:
        raise Mp4Error(f"The fragment at {offset} has {head.size} bytes instead of {size}")
    return head


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


def _read_init(file: BinaryIO, limit: int) -> tuple[InitSegment, int]:
    """What the init segment says, and where it ends."""
    movie, end = _read_movie(file, limit, max_bytes=MAX_HEADER_BYTES)
    return parse_movie(movie), end


def _read_movie(file: BinaryIO, limit: int, max_bytes: int | None) -> tuple[bytes, int]:
    """The payload of the `moov` that follows the `ftyp`, and where it ends."""
    end = 0
    for kind in (b"ftyp", b"moov"):
        header = parse_header(read_bytes(file, end, min(LARGE_HEADER_BYTES, limit - end)), end, limit)
        if header.kind != kind:
            raise Mp4Error(f"There is no {kind.decode()} box at {end}")
        end = header.end
    size = header.end - header.payload
    if max_bytes is not None and size > max_bytes:
        raise Mp4Error("The moov box is too long")
    return read_bytes(file, header.payload, size), end
