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


def plant(stage: Stage, sent: dict[str, list[SentFrame]], result: Result) -> None:
    """Take files away, one by one, that were claimed: one of the newest, and one that a hold is on.

    The last recorder was left in peace. It deleted nothing of its own, and the longest file of what it recorded is
    longer than what a kill may cost; of others, what was deleted beside them may leave less.
    """
    there = [claim for claim in stage.claims.known.values() if claim.path.exists()]
    plain = [claim for claim in there if not _is_held(stage, claim) and claim.row.start_us >= stage.lives[-1].start_us]
    held = [claim for claim in there if _is_held(stage, claim)]
    if not plain or not held:
        result.wrong.append(f"there are {len(plain)} new files without a hold and {len(held)} with one to take away")
        return
    with _away(max(plain, key=lambda claim: claim.row.end_us - claim.row.start_us)):
        verdict = stage.judge(sent)
    result.bites("a lost file", found=verdict.closed_segments_lost == 1 and verdict.max_loss_s > LOSS_LIMIT_S)
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
