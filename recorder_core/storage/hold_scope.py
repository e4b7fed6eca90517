"""What a hold covers, and what it covers when its key is used again: decided without a store."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, RequestError
from recorder_core.models import HoldState

from .intervals import EVER_US

if TYPE_CHECKING:
    from recorder_core.models import Hold, HoldRequest

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


def united(known: Hold, other: Hold) -> Hold:
    """Return a hold that covers what each of two does, for as long as either, and is reviewed when the first is."""
    reviews = [one.review_us for one in (known, other) if one.review_us is not None]
    return replace(
        known,
        camera_ids=sorted({*known.camera_ids, *other.camera_ids}),
        start_us=min(known.start_us, other.start_us),
        end_us=None if known.end_us is None or other.end_us is None else max(known.end_us, other.end_us),
        review_us=min(reviews, default=None),
        expires_us=(
            None if known.expires_us is None or other.expires_us is None else max(known.expires_us, other.expires_us)
        ),
    )
