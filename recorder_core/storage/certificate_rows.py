"""Rows of certificates: the proof of what was destroyed, written with the deletion itself and never changed.

One certificate covers one unbroken stretch of one camera, so its interval never spans what was kept. It is written when
records are given up; that their files are gone too is a fact of its own, and may come much later.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from recorder_core.models import Certificate, DeletionRule, Delivery, LedgerKind, RecordClass

from .camera_rows import CameraRows, camera_key
from .ledger_rows import append_ledger
from .schema import CAMERA, CERTIFICATE, ERASURE, EXPORT_CERTIFICATE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlalchemy import Connection, Row, Select

    from recorder_core.models import ExportJob

_LEDGER_KINDS = {
    RecordClass.VIDEO: LedgerKind.DELETED,
    RecordClass.EXPORT: LedgerKind.EXPORT_REMOVED,
    RecordClass.TEMPORARY: LedgerKind.EXPORT_REMOVED,
}
"""Of what is no copy of an export."""


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

    `export_id` is the export that they are, `delivery_id` the copy of it, for the ledger; None for footage.
    """

    camera_id: str
    record_class: RecordClass
    start_us: int
    end_us: int
    size: int
    digests: tuple[bytes, ...]
    export_id: str | None = None
    delivery_id: str | None = None


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
    ids = {"export_id": destroyed.export_id, "delivery_id": destroyed.delivery_id}
    told = certificate.to_dict() | {name: value for name, value in ids.items() if value is not None}
    is_copy = destroyed.delivery_id is not None
    kind = LedgerKind.DELIVERY_REMOVED if is_copy else _LEDGER_KINDS[draft.record_class]
    append_ledger(connection, kind, draft.at_us, told)
    return certificate


def note_erased(connection: Connection, certificate_ids: Collection[int], at_us: int) -> None:
    """Note, within the caller's transaction, that nothing of what these certificates tell of lies anywhere any more."""
    if certificate_ids:
        rows = [{"certificate_id": one, "at_us": at_us} for one in sorted(certificate_ids)]
        connection.execute(insert(ERASURE), rows)
        append_ledger(connection, LedgerKind.ERASED, at_us, {"certificate_ids": sorted(certificate_ids)})


def certify_draft(
    connection: Connection, made: ExportJob | Delivery, folder: str, sizes: Mapping[str, int], reason: Reason
) -> None:
    """Certify, within the caller's transaction, what was made of an export, or of a copy of it, and never was whole.

    `sizes` are those of the files in `folder`, by their names. Nothing is certified twice, nor where there is no file.
    """
    if not sizes or _unerased(connection, made.export_id, folder):
        return
    files = [(size, sha256(f"{name} {size}".encode()).digest()) for name, size in sorted(sizes.items())]
    certify_files(connection, made, folder, reason, RecordClass.TEMPORARY, files)


def certify_files(
    connection: Connection,
    made: ExportJob | Delivery,
    folder: str,
    reason: Reason,
    record_class: RecordClass,
    files: Sequence[tuple[int, bytes]],
) -> None:
    """Certify, within the caller's transaction and for each camera, that files of an export or a copy are destroyed.

    `files` are the sizes and digests, of 32 bytes, of those in `folder`.
    """
    for camera_id in made.camera_ids:
        destroyed = Destroyed(
            camera_id=camera_id,
            record_class=record_class,
            start_us=made.start_us,
            end_us=made.end_us,
            size=sum(size for size, _ in files),
            digests=tuple(digest for _, digest in files),
            export_id=made.export_id,
            delivery_id=made.delivery_id if isinstance(made, Delivery) else None,
        )
        certificate = certify(connection, destroyed, reason)
        link_certificate(connection, made.export_id, folder, certificate.certificate_id)


def note_folder_erased(connection: Connection, export_id: str, folder: str, at_us: int) -> None:
    """Note, within the caller's transaction, that nothing of an export lies in a folder any more; twice is as once."""
    note_erased(connection, _unerased(connection, export_id, folder), at_us)


def link_certificate(connection: Connection, export_id: str, folder: str, certificate_id: int) -> None:
    """Note, within the caller's transaction, which export and folder a certificate tells of."""
    values = {"certificate_id": certificate_id, "export_id": export_id, "folder": folder}
    connection.execute(insert(EXPORT_CERTIFICATE).values(values))


def digest_of(digests: Iterable[bytes]) -> bytes:
    """Return the digest that a certificate carries: the SHA-256 over these, of 32 bytes each, one after the other."""
    return sha256(b"".join(digests)).digest()


def _unerased(connection: Connection, export_id: str, folder: str) -> list[int]:
    """Return the certificates of an export and a folder that do not say yet that the files are gone."""
    query = select(EXPORT_CERTIFICATE.c.certificate_id).where(
        EXPORT_CERTIFICATE.c.export_id == export_id,
        EXPORT_CERTIFICATE.c.folder == folder,
        EXPORT_CERTIFICATE.c.certificate_id.not_in(select(ERASURE.c.certificate_id).scalar_subquery()),
    )
    return list(connection.execute(query).scalars())


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
