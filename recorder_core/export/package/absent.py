"""What a package does not show of the time that was asked for, and why: no part of it goes without a word.

A package that is whole may still lack most of what somebody wanted to see: the camera did not record, the footage was
deleted when its time was over, or its first pictures cannot be shown without earlier ones. Writer and verifier share
how a stretch without pictures is found, so a manifest cannot leave one out.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from recorder_core.models import DeletionRule, GapView

from .layout import utc_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from recorder_core.models import Certificate
    from recorder_core.storage.records import Segment

type Span = tuple[int, int]
"""A beginning and an end, in UTC microseconds."""

_SHORTEST_US = 1000
"""Less than any picture lasts: two files of one stretch may part by what their clocks are rounded to."""


class AbsenceReason(StrEnum):
    """Why nothing is shown where there is no gap in the recording; gaps bring their own reasons."""

    REENCODED = "reencoded"
    DELETED = "deleted"
    LEFT_OUT = "left_out"
    NOT_RECORDED = "not_recorded"


_WHY_DELETED = {
    DeletionRule.AGE: "as its time was over",
    DeletionRule.QUOTA: "as the camera had more than its share of the disk",
    DeletionRule.SPACE: "as the disk was full",
    DeletionRule.LAW: "as the law says when it must be destroyed",
    DeletionRule.PERSON: "by somebody's order",
    DeletionRule.UNFINISHED: "as it was never finished",
}

_LEFT_OUT = "It was recorded, but a video begins with the first picture after the start that needs no earlier one."
_REENCODED = "No original is here: its pictures are in a re-encoded file, and nothing proves these."
_NOT_RECORDED = "The recorder knows of no recording of that time."


def holes(whole: Span, shown: Iterable[Span]) -> list[Span]:
    """Return what none of `shown` covers of `whole`, in time order, if it is long enough for a picture."""
    found: list[Span] = []
    at, end = whole
    for begin, until in [*sorted(shown), (end, end)]:
        if min(begin, end) - at >= _SHORTEST_US:
            found.append((at, min(begin, end)))
        at = max(at, until)
    return found


def not_shown(
    whole: Span,
    videos: Iterable[Span],
    gaps: Sequence[GapView],
    destroyed: Sequence[Certificate],
    segments: Sequence[Segment],
    derived: Sequence[Span] = (),
) -> list[GapView]:
    """Return the stretches of `whole` that no video shows, each with one reason.

    That they are shown re-encoded, in `derived`, comes first, and then a gap's own.
    """
    reencoded = [_reason(span, AbsenceReason.REENCODED, _REENCODED) for span in derived]
    reasons = [*reencoded, *gaps, *map(_deleted, destroyed), *map(_left_out, segments)]
    left, found = holes(whole, videos), []
    for reason in reasons:
        end = whole[1] if reason.end_us is None else reason.end_us
        inside = [(max(begin, reason.start_us), min(until, end)) for begin, until in left]
        told = [span for span in inside if span[1] - span[0] >= _SHORTEST_US]
        found += [_reason(span, reason.reason, reason.detail) for span in told]
        left = [rest for span in left for rest in holes(span, told)]
    found += [_reason(span, AbsenceReason.NOT_RECORDED, _NOT_RECORDED) for span in left]
    return sorted(found, key=lambda one: one.start_us)


def _deleted(certificate: Certificate) -> GapView:
    at, number = utc_text(certificate.at_us), certificate.certificate_id
    detail = f"On {at[:10]} at {at[11:19]} UTC, {_WHY_DELETED[certificate.rule]}: certificate {number}."
    return _reason((certificate.start_us, certificate.end_us), AbsenceReason.DELETED, detail)


def _left_out(segment: Segment) -> GapView:
    return _reason((segment.start_us, segment.end_us), AbsenceReason.LEFT_OUT, _LEFT_OUT)


def _reason(span: Span, reason: str, detail: str) -> GapView:
    return GapView(start_us=span[0], end_us=span[1], reason=reason, detail=detail)
