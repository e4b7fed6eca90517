"""What the ledger tells of footage: again and again the root over a camera's segments that it has not told of yet.

An outsider who has the ledger can be shown by a short path of hashes that a segment was stored at the hour of such an
entry and is unchanged (invariant 8), and sees no other segment for it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import batched, groupby
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from recorder_core.merkle import audit_path, leaf_hash, root_of
from recorder_core.models import LedgerKind, RecordClass

from .camera_rows import camera_key
from .ledger_rows import LedgerRows, append_ledger, ledger_entry
from .schema import CAMERA, CERTIFICATE, LEAVES, LEDGER, SEGMENT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from sqlalchemy import Connection, Row, Select

    from recorder_core.models import LedgerEntry

MOST_LEAVES = 1000
"""Segments in one entry; an hour has sixty, and footage that was read in has very many."""

_LEAF = struct.Struct(">Q32s")
_ASKED = 500
"""Ids in one question."""


@dataclass(frozen=True, slots=True)
class RootProof:
    """Shows that the `roots` entry `entry` of the ledger covers a segment's root.

    The segment is leaf `index` of the `count` that the entry's root stands for; `path` holds the sibling hashes from
    the leaf up (RFC 6962 section 2.1.1), 32 bytes each.
    """

    entry: LedgerEntry
    index: int
    count: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """A `roots` entry with the roots of its segments by their ids: as they were then, and those still in the index."""

    entry: LedgerEntry
    then: dict[int, bytes]
    now: dict[int, bytes]


class RootRows(LedgerRows):
    """Segments' roots, and the entries that cover them."""

    def untold_cameras(self) -> list[str]:
        """Return the cameras with segments that the ledger does not tell of yet."""
        untold = select(1).where(SEGMENT.c.camera_key == CAMERA.c.camera_key, SEGMENT.c.ledger_seq.is_(None))
        query = select(CAMERA.c.camera_id).where(untold.exists()).order_by(CAMERA.c.camera_id)
        with self._reading() as connection:
            return list(connection.execute(query).scalars())

    def append_roots(self, camera_id: str, at_us: int) -> int:
        """Append an entry over up to `MOST_LEAVES` untold segments of a camera, by their ids; returns how many.

        Raises RequestError `UNKNOWN_CAMERA`.
        """
        with self._writing() as connection:
            key = camera_key(connection, camera_id)
            untold = (SEGMENT.c.camera_key == key, SEGMENT.c.ledger_seq.is_(None))
            columns = (SEGMENT.c.segment_id, SEGMENT.c.start_us, SEGMENT.c.wall_duration_us, SEGMENT.c.root)
            query = select(*columns).where(*untold).order_by(SEGMENT.c.segment_id).limit(MOST_LEAVES)
            rows = connection.execute(query).all()
            if not rows:
                return 0
            first_us, last_us = min(row.start_us for row in rows), max(row.start_us for row in rows)
            body = {
                "camera_id": camera_id,
                "start_us": first_us,
                "end_us": max(row.start_us + row.wall_duration_us for row in rows),
                "segments": len(rows),
                "root": root_of(leaf_hash(row.root) for row in rows).hex(),
            }
            seq = append_ledger(connection, LedgerKind.ROOTS, at_us, body)
            leaves = b"".join(_LEAF.pack(row.segment_id, row.root) for row in rows)
            values = {"seq": seq, "camera_key": key, "first_us": first_us, "last_us": last_us, "segments": leaves}
            connection.execute(insert(LEAVES).values(values))
            told = SEGMENT.c.segment_id <= rows[-1].segment_id
            connection.execute(update(SEGMENT).where(*untold, told).values(ledger_seq=seq))
            return len(rows)

    def root_proofs(self, segment_ids: Collection[int]) -> dict[int, RootProof]:
        """Return a proof for each of these segments that the ledger tells of."""
        proofs: dict[int, RootProof] = {}
        with self._reading() as connection:
            for seq, wanted in _by_entry(connection, segment_ids):
                row = connection.execute(_leaves().where(LEAVES.c.seq == seq)).one()
                leaves = _unpacked(row.segments)
                places = {segment_id: place for place, segment_id in enumerate(leaves)}
                hashes = [leaf_hash(root) for root in leaves.values()]
                for segment_id in wanted:
                    place = places[segment_id]
                    path = tuple(audit_path(hashes, place))
                    proofs[segment_id] = RootProof(ledger_entry(row), place, len(hashes), path)
        return proofs

    def told(self) -> Iterator[Told]:
        """Walk over the `roots` entries of which there is footage still, by number, without a transaction between."""
        after = 0
        query = _leaves().order_by(LEAVES.c.seq).limit(1)
        while True:
            with self._reading() as connection:
                row = connection.execute(query.where(LEAVES.c.seq > after)).one_or_none()
                if row is None:
                    return
                then = _unpacked(row.segments)
                present = (SEGMENT.c.segment_id.in_(then), SEGMENT.c.ledger_seq == row.seq)
                found = connection.execute(select(SEGMENT.c.segment_id, SEGMENT.c.root).where(*present))
                now = {one.segment_id: one.root for one in found}
            yield Told(ledger_entry(row), then, now)
            after = row.seq

    def certified(self, camera_id: str, start_us: int, end_us: int) -> list[tuple[int, int]]:
        """Return the stretches of a camera that overlap `[start_us, end_us)` and whose deletion is certified."""
        query = (
            select(CERTIFICATE.c.start_us, CERTIFICATE.c.end_us)
            .join_from(CERTIFICATE, CAMERA, CERTIFICATE.c.camera_key == CAMERA.c.camera_key)
            .where(CAMERA.c.camera_id == camera_id, CERTIFICATE.c.record_class == RecordClass.VIDEO.value)
            .where(CERTIFICATE.c.end_us > start_us, CERTIFICATE.c.start_us < end_us)
        )
        with self._reading() as connection:
            return [(row.start_us, row.end_us) for row in connection.execute(query)]

    def unproved(self) -> list[int]:
        """Return the segments of which the ledger is said to tell in an entry that stands for no segments any more."""
        query = (
            select(SEGMENT.c.segment_id)
            .join_from(SEGMENT, LEAVES, SEGMENT.c.ledger_seq == LEAVES.c.seq, isouter=True)
            .where(SEGMENT.c.ledger_seq.is_not(None), LEAVES.c.seq.is_(None))
            .order_by(SEGMENT.c.segment_id)
        )
        with self._reading() as connection:
            return list(connection.execute(query).scalars())


def _leaves() -> Select[tuple[object, ...]]:
    return select(LEDGER, LEAVES.c.segments).join_from(LEAVES, LEDGER, LEAVES.c.seq == LEDGER.c.seq)


def _by_entry(connection: Connection, segment_ids: Collection[int]) -> Iterator[tuple[int, list[int]]]:
    """Give the number of each entry that tells of some of these segments, with these."""
    found: list[Row[tuple[int, int]]] = []
    for some in batched(segment_ids, _ASKED, strict=False):
        told = (SEGMENT.c.segment_id.in_(some), SEGMENT.c.ledger_seq.is_not(None))
        found += connection.execute(select(SEGMENT.c.ledger_seq, SEGMENT.c.segment_id).where(*told)).all()
    for seq, rows in groupby(sorted(found), key=lambda row: row.ledger_seq):
        yield seq, [row.segment_id for row in rows]


def _unpacked(leaves: bytes) -> dict[int, bytes]:
    """The roots of an entry's segments by their ids, in order."""
    return dict(_LEAF.iter_unpack(leaves))
