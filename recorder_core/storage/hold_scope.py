"""What becomes of a hold: what it covers, also when its key is used again, and its review. Decided without a store."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, RequestError
from recorder_core.models import HoldState, LedgerKind

from .intervals import EVER_US

if TYPE_CHECKING:
    from recorder_core.models import Hold, HoldRequest, HoldReview

_SECOND_US = 1_000_000


def covered(request: HoldRequest) -> tuple[int, int | None]:
    """Return the interval with pre-roll and post-roll, rounded outwards to microseconds."""
    if not request.camera_ids:
        raise RequestError(ErrorCode.BAD_REQUEST, "A hold names at least one camera.", field="camera_ids")
    for field, seconds in (("pre_roll_s", request.pre_roll_s), ("post_roll_s", request.post_roll_s)):
        if not 0 <= seconds < math.inf:
            raise RequestError(ErrorCode.BAD_REQUEST, f"{field} is not a number of seconds.", field=field)
    start_us = max(request.start_us - math.ceil(request.pre_roll_s * _SECOND_US), -EVER_US)
    if request.end_us is None:
        return start_us, None
    end_us = min(request.end_us + math.ceil(request.post_roll_s * _SECOND_US), EVER_US)
    if request.end_us < request.start_us or end_us <= start_us:
        raise RequestError(ErrorCode.INTERVAL_INVERTED, "A hold ends after it begins.")
    return start_us, end_us


def merged(known: Hold, wanted: Hold) -> Hold:
    """Return what becomes of a hold when its key is used again. Raises RequestError `KEY_TAKEN`."""
    wider = united(known, wanted)
    over = known.state is not HoldState.ACTIVE
    if over and (wider.camera_ids, wider.start_us, wider.end_us) == (known.camera_ids, known.start_us, known.end_us):
        wider = known
    apart = any(
        one.end_us is not None and one.end_us < other.start_us for one, other in ((known, wanted), (wanted, known))
    )
    another = (known.kind, known.case_id) != (wanted.kind, wanted.case_id)
    if another or apart or (over and wider != known):
        raise RequestError(
            ErrorCode.KEY_TAKEN,
            f"The key belongs to hold {known.hold_id}, which is over or for something else.",
            hold_id=known.hold_id,
        )
    return wider


def reviewed(known: Hold, review: HoldReview, now_us: int) -> Hold:
    """Return what becomes of a hold that somebody has looked at: nothing if the last review said just that.

    Raises:
        RequestError: `HOLD_OVER`, or `BAD_REQUEST` where the next review would be due already.
    """
    if known.state is not HoldState.ACTIVE:
        raise RequestError(ErrorCode.HOLD_OVER, "The hold has ended already.", hold_id=known.hold_id)
    if review.review_us is not None and review.review_us <= now_us:
        raise RequestError(ErrorCode.BAD_REQUEST, "review_us has passed.", field="review_us")
    last_us = known.reviewed_us
    if last_us is not None and (known.review_us, known.reviewed_by) == (review.review_us, review.actor):
        return known
    # Later than the last one even where the clock went back: of two copies of a hold, the one reviewed later counts.
    at_us = now_us if last_us is None else max(now_us, last_us + 1)
    return replace(known, review_us=review.review_us, reviewed_us=at_us, reviewed_by=review.actor)


def united(known: Hold, other: Hold) -> Hold:
    """Return a hold that covers what each of two does, for as long as either.

    It is reviewed when whoever looked at it last has said, and if nobody did yet, when the first of the two is.
    """
    latest = max(known, other, key=lambda one: -EVER_US if one.reviewed_us is None else one.reviewed_us)
    reviews = [one.review_us for one in (known, other) if one.review_us is not None]
    return replace(
        known,
        camera_ids=sorted({*known.camera_ids, *other.camera_ids}),
        start_us=min(known.start_us, other.start_us),
        end_us=None if known.end_us is None or other.end_us is None else max(known.end_us, other.end_us),
        review_us=min(reviews, default=None) if latest.reviewed_us is None else latest.review_us,
        reviewed_us=latest.reviewed_us,
        reviewed_by=latest.reviewed_by,
        expires_us=(
            None if known.expires_us is None or other.expires_us is None else max(known.expires_us, other.expires_us)
        ),
    )


def kind_of_change(known: Hold, other: Hold) -> LedgerKind:
    """Return what the ledger calls it that a hold became another: a review, if that alone has changed."""
    before = replace(other, review_us=known.review_us, reviewed_us=known.reviewed_us, reviewed_by=known.reviewed_by)
    return LedgerKind.HOLD_REVIEWED if before == known else LedgerKind.HOLD_WIDENED
