"""Holds re-encoded pictures against what a package tells of them.

They are no originals. Nothing proves that they show what was recorded; so it must be told wherever they are told of,
and they must be what they are said to be: of their camera, of their time, which was asked for, and bear the mark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder_core.models import StartMode
from recorder_core.mp4 import derived_handler

from .absent import AbsenceReason, holes
from .derived import derived_csv
from .layout import utc_text
from .read_manifest import spans_of
from .verify_mp4 import check_described, drift_us, is_near, media_us, read_layout
from .verify_proofs import ProofError

if TYPE_CHECKING:
    from typing import BinaryIO

    from recorder_core.mp4 import ProgressiveLayout

    from .absent import Span
    from .read_manifest import ReadDerived, ReadManifest


def check_derived(file: BinaryIO, offset: int, size: int, told: ReadDerived, asked: Span) -> ProgressiveLayout:
    """Make sure that the file of `size` bytes at `offset` is what the manifest tells of it.

    Raises:
        ProofError: it is not.
        OSError: it cannot be read.
    """
    layout = read_layout(file, offset, size)
    if layout.handler != derived_handler(told.camera_id):
        raise ProofError(f"It does not bear the mark of pictures of {told.camera_id} that were encoded anew")
    check_described(layout, told)
    table = layout.table
    if (
        not layout.show_duration
        or len(table.sizes) != told.frames
        or size - layout.data_offset != told.media_bytes
        or layout.show_start
        or told.lead_in_us
        or told.duration_us != media_us(layout.show_duration)
        or told.end_us <= told.start_us
        or any(table.composition_offsets)
        or layout.show_duration != sum(table.durations)
        or not is_near(told.end_us, told.start_us, layout.show_duration)
    ):
        raise ProofError("It does not show what the manifest says: other pictures, or other times")
    last = layout.show_duration - table.durations[-1]
    if told.start_us < asked[0] or told.start_us + media_us(last) - drift_us(last) >= asked[1]:
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
        videos = spans_of(manifest.videos, camera_id)
        derived = spans_of(manifest.derived, camera_id)
        told = spans_of([one for one in manifest.absences if one.reason == AbsenceReason.REENCODED], camera_id)
        for span in derived:
            inside = (max(span[0], manifest.asked[0]), min(span[1], manifest.asked[1]))
            if holes(inside, [*videos, *told]):
                raise ProofError(f"It hides that pictures of {camera_id} from {utc_text(span[0])} on are re-encoded")
        for span in told:
            if holes(span, derived):
                raise ProofError(
                    f"It tells of re-encoded pictures of {camera_id} from {utc_text(span[0])} on that are not there"
                )
