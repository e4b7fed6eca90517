"""Holds what a manifest says that is not shown against its videos and gaps.

That nothing is left out is not enough. What is told must be so: of the time that was asked for, of time that no video
shows, once, and for the reason that the recorder gives where there was a gap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .absent import AbsenceReason, holes
from .layout import utc_text
from .read_manifest import spans_of
from .verify_proofs import ProofError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .absent import Span
    from .read_manifest import Absence, ReadManifest

_OWN_REASONS = frozenset(AbsenceReason)


def check_absences(manifest: ReadManifest, camera_id: str) -> None:
    """Make sure that what a manifest says a camera does not show is what its videos do not show.

    Raises:
        ProofError: it is not.
    """
    gaps = [one for one in manifest.gaps if one.camera_id == camera_id]
    free, at = holes(manifest.asked, spans_of(manifest.videos, camera_id)), manifest.asked[0]
    for one in manifest.absences:
        if one.camera_id != camera_id:
            continue
        begin, end = one.start_us, one.end_us
        if not (at <= begin < end and any(_holds(hole, (begin, end)) for hole in free)):
            sentence = f"It says of a wrong time that {camera_id} shows nothing: from {utc_text(begin)} to"
            raise ProofError(f"{sentence} {utc_text(end)}")
        if not _is_reason(one, gaps):
            raise ProofError(f"It gives a wrong reason why {camera_id} shows nothing from {utc_text(begin)} on")
        at = end


def _is_reason(one: Absence, gaps: Sequence[Absence]) -> bool:
    """Whether a gap has the reason; one of the recorder's own may stand only where there is no gap."""
    span = (one.start_us, one.end_us)
    if one.reason not in _OWN_REASONS:
        return any(gap.reason == one.reason and _holds((gap.start_us, gap.end_us), span) for gap in gaps)
    common = [(max(span[0], gap.start_us), min(span[1], gap.end_us)) for gap in gaps]
    return one.reason == AbsenceReason.REENCODED or not any(holes(both, []) for both in common)


def _holds(outer: Span, inner: Span) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]
