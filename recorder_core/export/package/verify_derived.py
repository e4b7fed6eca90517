"""Holds re-encoded pictures against what a package tells of them.

They are no originals. Nothing proves that they show what was recorded; so it must be told wherever they are told of,
and they must be what they are said to be: of their camera, of their time, which was asked for, and bear the mark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder_core.media import TIMESCALE
from recorder_core.models import StartMode
from recorder_core.mp4 import Mp4Error, derived_handler, read_progressive

from .absent import AbsenceReason, holes
from .derived import derived_csv
from .layout import utc_text
from .verify_proofs import ProofError

if TYPE_CHECKING:
    from typing import BinaryIO

    from recorder_core.mp4 import ProgressiveLayout

    from .absent import Span
    from .read_manifest import ReadDerived, ReadManifest

_SLACK_US = 1_000_000
_SLACK_PER_TIME = 1000
"""As for clips: the file follows the camera's clock."""


def check_derived(file: BinaryIO, offset: int, size: int, told: ReadDerived, asked: Span) -> ProgressiveLayout:
    """Make sure that the file of `size` bytes at `offset` is what the manifest tells of it.

    Raises:
        ProofError: it is not.
        OSError: it cannot be read.
    """
    try:
        layout = read_progressive(file, offset, size)
    except Mp4Error as error:
        raise ProofError(f"It is no video of the recorder: {error}") from error
    if layout.handler != derived_handler(told.camera_id):
        raise ProofError(f"It does not bear the mark of pictures of {told.camera_id} that were encoded anew")
    if layout.created_s != told.start_us // 1_000_000:
        raise ProofError("Its time of creation is not that of its first picture")
    shown_us = layout.show_duration * 1_000_000 // TIMESCALE
    table = layout.table
    if (
        len(table.sizes) != told.frames
        or size - layout.data_offset != told.media_bytes
        or layout.show_start
        or told.lead_in_us
        or told.duration_us != shown_us
        or told.end_us <= told.start_us
        or any(table.composition_offsets)
        or layout.show_duration != sum(table.durations)
        or abs(told.end_us - told.start_us - shown_us) > _SLACK_US + shown_us // _SLACK_PER_TIME
    ):
        raise ProofError("It does not show what the manifest says: other pictures, or other times")
    last_us = (layout.show_duration - table.durations[-1]) * 1_000_000 // TIMESCALE
    if told.start_us < asked[0] or told.start_us + last_us - last_us // _SLACK_PER_TIME >= asked[1]:
        raise ProofError("It shows pictures of a time that was not asked for")
    return layout


def check_table(content: bytes, told: ReadDerived, layout: ProgressiveLayout) -> None:
    """Make sure that the table is that of the file's pictures. Raises ProofError."""
    if content != derived_csv(layout.table, told.start_us, told.end_us):
        raise ProofError("The table is not that of the re-encoded pictures")


def check_told(manifest: ReadManifest) -> None:
    """Make sure that a manifest says of just those times that no original is shown which are re-encoded.

    Raises:
        ProofError: it does not.
    """
    if manifest.derived and manifest.start_mode != StartMode.REENCODE_FIRST_GOP:
        raise ProofError("It lists re-encoded pictures that nobody asked for")
    for camera_id in manifest.cameras:
        videos = [(one.start_us, one.end_us) for one in manifest.videos if one.camera_id == camera_id]
        derived = [(one.start_us, one.end_us) for one in manifest.derived if one.camera_id == camera_id]
        told = [
            (one.start_us, one.end_us)
            for one in manifest.absences
            if one.camera_id == camera_id and one.reason == AbsenceReason.REENCODED
        ]
        for span in derived:
            inside = (max(span[0], manifest.asked[0]), min(span[1], manifest.asked[1]))
            if holes(inside, [*videos, *told]):
                raise ProofError(f"It hides that pictures of {camera_id} from {utc_text(span[0])} on are re-encoded")
        for span in told:
            if holes(span, derived):
                raise ProofError(
                    f"It tells of re-encoded pictures of {camera_id} from {utc_text(span[0])} on that are not there"
                )
