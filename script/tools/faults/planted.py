"""Breaks a store that was judged, by hand, to see that the checker finds it: who finds nothing must be able to find."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from .checker import LOSS_LIMIT_S
from .sent import read_holds

if TYPE_CHECKING:
    from collections.abc import Generator

    from .claimed import Claim
    from .result import Result
    from .sent import SentFrame
    from .stage import Stage

_SEEN = 0.8
"""At least this part of a file's time lies between the first and the last of its frames."""


def plant(stage: Stage, sent: dict[str, list[SentFrame]], result: Result) -> None:
    """Take files away, one by one, that were claimed: one of the newest, and one that a hold is on."""
    there = [claim for claim in stage.claims.known.values() if claim.path.exists()]
    plain = [claim for claim in there if not _is_held(stage, claim)]
    held = [claim for claim in there if _is_held(stage, claim)]
    if not plain or not held:
        result.wrong.append(f"there are {len(plain)} files without a hold and {len(held)} with one to take away")
        return
    with _away(max(plain, key=lambda claim: claim.row.end_us - claim.row.start_us)) as taken:
        verdict = stage.judge(sent)
    # Where most was deleted by rules, the longest file that is left may be shorter than what a kill may cost.
    missed_s = min((taken.row.end_us - taken.row.start_us) / 1e6 * _SEEN, LOSS_LIMIT_S)
    result.bites("a lost file", found=verdict.closed_segments_lost == 1 and verdict.max_loss_s > missed_s)
    with _away(max(held, key=lambda claim: claim.row.end_us - claim.row.start_us)) as taken:
        verdict = stage.judge(sent)
    result.bites("a held file that is gone", found=verdict.held_bytes_deleted >= taken.row.size)


def _is_held(stage: Stage, claim: Claim) -> bool:
    row = claim.row
    return any(
        hold.released_us is None and hold.covers(row.camera_id, row.start_us, row.end_us)
        for hold in read_holds(stage.holds)
    )


@contextlib.contextmanager
def _away(claim: Claim) -> Generator[Claim]:
    aside = claim.path.with_suffix(".aside")
    claim.path.rename(aside)
    try:
        yield claim
    finally:
        aside.rename(claim.path)
