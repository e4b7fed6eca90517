"""Holds a clip's file and its table of pictures against the proofs: what a player shows is what was recorded, and when.

The proofs tell the samples' bytes, sizes and times. The file's headers decide what a player makes of them, and the
manifest and the table tell people; somebody with the key could write into these what they like.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from recorder_core.models import StartMode
from recorder_core.mp4 import VIDEO_HANDLER

from .frames import COLUMNS, frame_row
from .layout import utc_text
from .verify_mp4 import check_described, is_near, media_us, read_layout, slack_us
from .verify_proofs import ProofError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

    from recorder_core.mp4 import ProgressiveLayout

    from .read_manifest import ReadManifest, ReadSegment, ReadVideo
    from .verify_proofs import ProvedClip

_NEAREST_US = 1_000_000
"""How far the table's time of a picture, to its own microsecond, may lie from the one that its fragment proves."""

_LATEST_TOLD_US = 3_600_000_000
"""The ledger tells of a recording within the hour, and before a package takes it: only one that goes on is untold."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def check_video(
    file: BinaryIO, offset: int, size: int, video: ReadVideo, clip: ProvedClip, manifest: ReadManifest
) -> ProgressiveLayout:
    """Make sure that the file of `size` bytes at `offset` plays the proved samples, all of them and at their times.

    These must be times that were asked for, and what lies hidden before them must have been asked for too.

    Raises:
        ProofError: it does not.
        OSError: it cannot be read.
    """
    layout = read_layout(file, offset, size)
    if layout.handler != VIDEO_HANDLER:
        raise ProofError("It bears the mark of pictures that were encoded anew")
    if any(layout.video_format != one for one in clip.formats.values()):
        raise ProofError("Its format is not that of the recording")
    sync = [index for index, picture in enumerate(clip.pictures) if picture.sync]
    if [picture.size for picture in clip.pictures] != layout.table.sizes.tolist() or sync != layout.table.sync.tolist():
        raise ProofError("Its pictures are not those that the proofs show")
    check_described(layout, video)
    _check_times(video, clip, layout)
    _check_asked(video, layout, manifest)
    _check_told(clip, manifest)
    return layout


def check_frames(
    table: bytes, clip: ProvedClip, layout: ProgressiveLayout, segments: Mapping[str, ReadSegment]
) -> None:
    """Make sure that each row of the table of pictures tells what the proofs show.

    Raises:
        ProofError: it does not.
    """
    times = layout.presentation_times()
    order = sorted(range(len(times)), key=times.__getitem__)
    head, *rows = table.decode("utf-8", "replace").split("\r\n")
    if tuple(head.split(",")) != COLUMNS or len(rows) != len(order) + 1 or rows.pop():
        raise ProofError("The table does not have a row for each picture")
    for line, (row, index) in enumerate(zip(rows, order, strict=True), 2):
        picture = clip.pictures[index]
        told_us = _told_us(row)
        if abs(told_us - picture.at_us) <= _NEAREST_US:
            picture = picture._replace(at_us=told_us)
        pts = times[index] + layout.show_start
        if row != ",".join(frame_row(index + 1, pts, layout, picture, segments[picture.segment].clock_offset_us)):
            raise ProofError(f"Line {line} of the table is not what was recorded")


def _check_times(video: ReadVideo, clip: ProvedClip, layout: ProgressiveLayout) -> None:
    times = layout.presentation_times()
    for number, (picture, media) in enumerate(zip(clip.pictures, times, strict=True), 1):
        if not is_near(picture.at_us, video.start_us, media):
            shown = utc_text(video.start_us + media_us(media))
            raise ProofError(f"Picture {number} of the file was taken at {utc_text(picture.at_us)}, not at {shown}")
    if (
        not video.frames
        or sum(0 <= media < layout.show_duration for media in times) != video.frames
        or video.duration_us != media_us(layout.show_duration)
        or not is_near(video.end_us, video.start_us, layout.show_duration)
        or not is_near(video.start_us - video.lead_in_us, video.start_us, min(times))
    ):
        raise ProofError("It does not show what the manifest says: other pictures, or other times")


def _check_asked(video: ReadVideo, layout: ProgressiveLayout, manifest: ReadManifest) -> None:
    times, (begin_us, end_us) = sorted(layout.presentation_times()), manifest.asked
    begins_before = times[0] < 0 or video.lead_in_us or video.start_us < begin_us
    if begins_before and manifest.start_mode is not StartMode.LEAD_IN:
        raise ProofError("It holds pictures from before the start that was asked for")
    shown = [media for media in times if 0 <= media < layout.show_duration]
    replaced, last = [*shown, layout.show_duration][1], shown[-1]
    if (
        video.start_us + media_us(replaced) + slack_us(replaced) <= begin_us
        or video.start_us + media_us(last) - slack_us(last) >= end_us
    ):
        raise ProofError("It shows pictures of a time that was not asked for")


def _check_told(clip: ProvedClip, manifest: ReadManifest) -> None:
    untold = {segment_id for segment_id, segment in manifest.segments.items() if segment.ledger is None}
    for number, picture in enumerate(clip.pictures, 1):
        if picture.segment in untold and picture.at_us < manifest.started_us - _LATEST_TOLD_US:
            sentence = (
                f"Picture {number} of the file, of {utc_text(picture.at_us)}, was recorded long before the package"
            )
            raise ProofError(f"{sentence} was begun, but the ledger does not tell of it")


def _told_us(row: str) -> int:
    """The time that stands in a row, or one that is nowhere near any other."""
    try:
        return (datetime.fromisoformat(row.split(",")[COLUMNS.index("utc")]) - _EPOCH) // timedelta(microseconds=1)
    except ValueError, TypeError, IndexError:
        return -(1 << 62)
