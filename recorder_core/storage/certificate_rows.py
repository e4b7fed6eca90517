"""Rows of certificates: the proof of what was destroyed, written with the deletion itself and never changed.

One certificate covers one unbroken stretch of one camera, so its interval never spans what was kept. It is written when
records are given up; that their files are gone too is a fact of its own, and may come much later.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from recorder_core.models import Certificate, DeletionRule, LedgerKind, RecordClass

from .camera_rows import CameraRows, camera_key
from .ledger_rows import append_ledger
from .schema import CAMERA, CERTIFICATE, ERASURE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlalchemy import Connection, Row, Select

_LEDGER_KINDS = {
    RecordClass.VIDEO: LedgerKind.DELETED,
    RecordClass.EXPORT: LedgerKind.EXPORT_REMOVED,
    RecordClass.DELIVERY: LedgerKind.DELIVERY_REMOVED,
    RecordClass.TEMPORARY: LedgerKind.EXPORT_REMOVED,
}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is destroyed, by whom (None where no person did it) and when."""

    rule: DeletionRule
    policy_version: str
    at_us: int
    actor: str | None = None


@dataclass(frozen=True, slots=True)
class Destroyed:
    """Records of one camera that are destroyed together; `digests` are their roots or file hashes in time order.

    `export_id` is the export that they are, for the ledger; None for footage.
    """

    camera_id: str
    record_class: RecordClass
    start_us: int
    end_us: int
    size: int
    digests: tuple[bytes, ...]
    export_id: str | None = None


class CertificateRows(CameraRows):
    """Asking for certificates."""

    def certificates(self, camera_id: str | None, after: int, limit: int) -> list[Certificate]:
        """Return up to `limit` certificates with ids greater than `after`, in order; of all cameras for None.

        Raises:
            RequestError: `UNKNOWN_CAMERA`.
        """
        query = _certificates().where(CERTIFICATE.c.certificate_id > after).order_by(CERTIFICATE.c.certificate_id)
        with self._reading() as connection:
            if camera_id is not None:
                query = query.where(CERTIFICATE.c.camera_key == camera_key(connection, camera_id))
            return [_certificate(row) for row in connection.execute(query.limit(limit))]

    def destroyed(self, camera_id: str, start_us: int, end_us: int) -> list[Certificate]:
        """Return the certificates of a camera's footage that overlap `[start_us, end_us)`, by their start.

        Those of exports tell nothing of what is stored.

        Raises:
            RequestError: `UNKNOWN_CAMERA`.
        """
        with self._reading() as connection:
            query = _certificates().where(
                CERTIFICATE.c.camera_key == camera_key(connection, camera_id),
                CERTIFICATE.c.record_class == RecordClass.VIDEO.value,
                CERTIFICATE.c.end_us > start_us,
                CERTIFICATE.c.start_us < end_us,
            )
            rows = connection.execute(query.order_by(CERTIFICATE.c.start_us, CERTIFICATE.c.certificate_id))
            return [_certificate(row) for row in rows]


def certify(connection: Connection, destroyed: Destroyed, reason: Reason) -> Certificate:
    """Write a certificate and its ledger entry within the caller's transaction, which also destroys the records."""
    draft = Certificate(
        certificate_id=0,
        camera_id=destroyed.camera_id,
        record_class=destroyed.record_class,
        start_us=destroyed.start_us,
        end_us=destroyed.end_us,
        records=len(destroyed.digests),
        size=destroyed.size,
        digest=digest_of(destroyed.digests).hex(),
        rule=reason.rule,
        policy_version=reason.policy_version,
        at_us=reason.at_us,
        actor=reason.actor,
    )
    values = {
        "camera_key": camera_key(connection, draft.camera_id),
        "record_class": draft.record_class.value,
        "start_us": draft.start_us,
        "end_us": draft.end_us,
        "records": draft.records,
        "size": draft.size,
        "digest": bytes.fromhex(draft.digest),
        "rule": draft.rule.value,
        "policy_version": draft.policy_version,
        "at_us": draft.at_us,
        "actor": draft.actor,
    }
    statement = insert(CERTIFICATE).values(values).returning(CERTIFICATE.c.certificate_id)
    certificate = replace(draft, certificate_id=connection.execute(statement).scalar_one())
    export = {} if destroyed.export_id is None else {"export_id": destroyed.export_id}
    append_ledger(connection, _LEDGER_KINDS[draft.record_class], draft.at_us, certificate.to_dict() | export)
    return certificate


def note_erased(connection: Connection, certificate_ids: Collection[int], at_us: int) -> None:
    """Note, within the caller's transaction, that nothing of what these certificates tell of lies anywhere any more."""
    if certificate_ids:
        rows = [{"certificate_id": one, "at_us": at_us} for one in sorted(certificate_ids)]
        connection.execute(insert(ERASURE), rows)
        append_ledger(connection, LedgerKind.ERASED, at_us, {"certificate_ids": sorted(certificate_ids)})


def digest_of(digests: Iterable[bytes]) -> bytes:
    """Return the digest that a certificate carries: the SHA-256 over these, of 32 bytes each, one after the other."""
    return sha256(b"".join(digests)).digest()


def _certificates() -> Select[tuple[object, ...]]:
    return (
        select(CERTIFICATE, CAMERA.c.camera_id, ERASURE.c.at_us.label("erased_us"))
        .join_from(CERTIFICATE, CAMERA, CERTIFICATE.c.camera_key == CAMERA.c.camera_key)
        .join(ERASURE, ERASURE.c.certificate_id == CERTIFICATE.c.certificate_id, isouter=True)
    )


def _certificate(row: Row[tuple[object, ...]]) -> Certificate:
    return Certificate(
        certificate_id=row.certificate_id,
        camera_id=row.camera_id,
        record_class=RecordClass(row.record_class),
        start_us=row.start_us,
        end_us=row.end_us,
        records=row.records,
        size=row.size,
        digest=row.digest.hex(),
        rule=DeletionRule(row.rule),
        policy_version=row.policy_version,
        at_us=row.at_us,
        actor=row.actor,
        erased_us=row.erased_us,
    )
