"""Holds the ledger against itself, against the index, and against a copy that was taken elsewhere (invariant 8).

A chain that is whole shows that nothing in the midst of it was touched; only a copy shows that it was not written anew
from some entry on. What `roots` entries tell of must be in the index unchanged, or its end be told of as well.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from typing import TYPE_CHECKING

from recorder_core.ledger_chain import broken_links
from recorder_core.merkle import leaf_hash, root_of
from recorder_core.models import LedgerKind
from recorder_core.storage.ids import id_time_us

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from recorder_core.models import LedgerEntry
    from recorder_core.storage.index import Index
    from recorder_core.storage.root_rows import Told

_PAGE = 1000

_SLACK_US = 1_000_000
"""An id names the millisecond in which its segment begins; in an index that was rebuilt it may begin a little off."""


class LedgerFlaw(StrEnum):
    """What may be wrong with an entry."""

    CHAIN = "chain"
    COPY = "copy"
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
    """Compare with a copy, which may end earlier."""
    for theirs, ours in zip_longest(copy, _entries(index)):
        if theirs is None:
            return
        if ours is None:
            yield LedgerFinding(theirs.seq, LedgerFlaw.COPY, "the copy has an entry that the ledger has not")
        elif theirs != ours:
            yield LedgerFinding(theirs.seq, LedgerFlaw.COPY, "the copy tells otherwise")


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
