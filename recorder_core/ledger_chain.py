"""How the ledger's entries hang together: what an entry's hash covers, and what makes a chain whole (invariant 8).

The hash of an entry is SHA-256(hash of the entry before ‖ seq as 8 bytes ‖ at_us as 8 bytes, signed ‖ kind ‖ 0x00 ‖
body), integers big-endian, texts UTF-8; before the first entry stand 32 zero bytes. So an entry stands for all before
it: whoever has a later copy of one hash can tell whether anything earlier was changed, left out or put in.
"""

from __future__ import annotations

import hashlib
import json
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from recorder_core.models import LedgerEntry

GENESIS = bytes(32)
"""What the first entry has for the hash before it."""


def canonical(body: Mapping[str, object]) -> str:
    """Return an entry's body as the one JSON text that stands for it: keys sorted, no blanks, letters as they are.

    Raises ValueError or TypeError for what JSON cannot say.
    """
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def entry_hash(previous: bytes, seq: int, at_us: int, kind: str, body: str) -> bytes:
    """Return the 32 bytes that stand for an entry and all before it."""
    return hashlib.sha256(previous + struct.pack(">Qq", seq, at_us) + kind.encode() + b"\0" + body.encode()).digest()


def follows(entry: LedgerEntry, seq: int, previous: str) -> bool:
    """Whether an entry is what its hash covers, and comes right behind the one with this number and hash."""
    if (entry.seq, entry.previous) != (seq + 1, previous):
        return False
    try:
        digest = entry_hash(bytes.fromhex(previous), entry.seq, entry.at_us, entry.kind, entry.body)
    except struct.error:  # a time that no ledger has
        return False
    return entry.hash == digest.hex()


def broken_links(entries: Iterable[LedgerEntry], seq: int = 0, previous: str = GENESIS.hex()) -> Iterator[int]:
    """Yield the number of each entry that does not follow from the one before it, or is not what its hash covers.

    `seq` and `previous` are those of the entry before the first given one.
    """
    for entry in entries:
        if not follows(entry, seq, previous):
            yield entry.seq
        seq, previous = entry.seq, entry.hash
