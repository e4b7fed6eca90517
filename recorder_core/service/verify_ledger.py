"""Holds the ledger against itself, against the index, and against a copy that was taken elsewhere (invariant 8).

A chain that is whole shows that nothing in the midst of it was touched; only a copy shows that it was not written anew
from some entry on. Where an index was put back, the ledger has lost entries and says so: a copy that has them shows
which. What `roots` entries tell of must be in the index unchanged, or its end be told of as well.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from recorder_core.ledger_chain import GENESIS, broken_links, follows
from recorder_core.merkle import leaf_hash, root_of
from recorder_core.models import LedgerKind
from recorder_core.storage.ids import id_time_us
from recorder_core.storage.index_loss import Loss

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from recorder_core.models import LedgerEntry
    from recorder_core.storage.index import Index
    from recorder_core.storage.root_rows import Told

_PAGE = 1000

_DAMAGED = ("damaged", "it was built anew")
_FATES = {
    Loss.FILE: ("gone or empty", "it was built anew"),
    Loss.LOG: ("without its log", "it went on from its last checkpoint"),
}
"""What an index was, and what became of it, by what it had lost."""

_SLACK_US = 1_000_000
"""An id names the millisecond in which its segment begins; in an index that was rebuilt it may begin a little off."""


class LedgerFlaw(StrEnum):
    """What may be wrong with an entry."""

    CHAIN = "chain"
    COPY = "copy"
    LOST = "lost"
    ROOT = "root"
    CHANGED = "changed"
    VANISHED = "vanished"
    UNPROVED = "unproved"


@dataclass(frozen=True, slots=True)
class LedgerFinding:
    """One flaw; `seq` is the number of the entry at fault, or 0 where a segment names none that stands for it."""

    seq: int
    flaw: LedgerFlaw
    detail: str = ""


def verify_ledger(
    index: Index, copy: Iterable[LedgerEntry] = (), progress: Callable[[int, int], None] = lambda _done, _total: None
) -> Iterator[LedgerFinding]:
    """Look at every entry, and at what it tells of; yield what is wrong.

    `copy` gives the entries of a copy from the first on. `progress` hears the entries that were looked at and all.

    Raises:
        StorageError: the index fails.
    """
    yield from (LedgerFinding(seq, LedgerFlaw.CHAIN) for seq in broken_links(_entries(index)))
    for entry in index.ledger(0, 1).entries:
        if entry.kind is not LedgerKind.BEGUN:
            yield LedgerFinding(entry.seq, LedgerFlaw.CHAIN, "the ledger does not begin with this entry")
    yield from _differences(index, copy)
    head_seq = index.ledger(0, 0).head_seq
    given_up = {json.loads(one.body)["segment_id"] for one in _entries(index) if one.kind is LedgerKind.GIVEN_UP}
    for told in index.told():
        yield from _untrue(index, told, given_up)
        progress(told.entry.seq, head_seq)
    yield from (LedgerFinding(0, LedgerFlaw.UNPROVED, f"segment {one:016x}") for one in index.unproved())


def _entries(index: Index) -> Iterator[LedgerEntry]:
    after = 0
    while page := index.ledger(after, _PAGE).entries:
        yield from page
        after = page[-1].seq


def _differences(index: Index, copy: Iterable[LedgerEntry]) -> Iterator[LedgerFinding]:
    """Hold a copy, which may end earlier, against the ledger; say once where the two part, and what for."""
    ours = _entries(index)
    seq, previous = 0, GENESIS.hex()
    parted: tuple[int, LedgerEntry | None, LedgerEntry | None] | None = None
    for theirs in copy:
        if not follows(theirs, seq, previous):
            yield LedgerFinding(theirs.seq, LedgerFlaw.COPY, "the copy itself is not as it was written")
            return
        seq, previous = theirs.seq, theirs.hash
        if parted is None and (mine := next(ours, None)) != theirs:
            parted = theirs.seq, mine, next(ours, None)
    if parted is not None:
        yield _parting(*parted, seq)


def _parting(first: int, mine: LedgerEntry | None, after: LedgerEntry | None, last: int) -> LedgerFinding:
    """Say why a copy has other entries from number `first` on, up to `last`; `mine` and `after` are ours then."""
    if mine is None:
        return LedgerFinding(first, LedgerFlaw.COPY, f"the ledger ends before it; the copy goes on to entry {last}")
    told = after if first == 1 else mine  # where nothing of the ledger was left, it begins first
    if told is None or told.kind is not LedgerKind.REBUILT:
        return LedgerFinding(first, LedgerFlaw.COPY, f"the copy tells otherwise, up to entry {last}")
    body = json.loads(told.body)
    was, instead = _FATES.get(body.get("loss"), _DAMAGED)
    if body.get("copy"):
        instead = f"{body['copy']} was put in its place"
    lost = f"entry {first}" if first == last else f"entries {first} to {last}"
    sentence = (
        f"the index was {was}, and {instead}: only this copy has {lost} of before; keep it, and export to a new file"
    )
    return LedgerFinding(first, LedgerFlaw.LOST, sentence)


def _untrue(index: Index, told: Told, given_up: set[int]) -> Iterator[LedgerFinding]:
    """Compare what an entry tells of with the index."""
    seq, body = told.entry.seq, json.loads(told.entry.body)
    root = root_of(leaf_hash(one) for one in told.then.values()).hex()
    if (root, len(told.then)) != (body["root"], body["segments"]):
        yield LedgerFinding(seq, LedgerFlaw.ROOT, "what the entry stands for is not what its root was made of")
    for segment_id, now in told.now.items():
        if now != told.then[segment_id]:
            yield LedgerFinding(seq, LedgerFlaw.CHANGED, f"segment {segment_id:016x} has another root now")
    gone = [one for one in told.then if one not in told.now and one not in given_up]
    if gone:
        certified = index.certified(body["camera_id"], body["start_us"], body["end_us"])
        for segment_id in gone:
            begin = id_time_us(segment_id)
            if not any(start - _SLACK_US <= begin < end + _SLACK_US for start, end in certified):
                sentence = f"segment {segment_id:016x} is gone and no certificate tells why"
                yield LedgerFinding(seq, LedgerFlaw.VANISHED, sentence)
