"""Rows of erasures for certificates from before schema version 3: what is known of their files is found out here.

Until then garbage did not name the certificate that it belongs to, nor a certificate the export that it tells of. What
was given up together has the same moment, though, and garbage stays until its file is gone, so where none of a moment
is left, all of its files are. An export is known by the hashes of its files; whether its folder is there is then
looked at as for any other (`export/removal.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from recorder_core.models import ExportJob, ExportState, RecordClass

from .certificate_rows import digest_of, link_certificate, note_erased
from .database import Database
from .export_rows import folder_of
from .schema import CAMERA, CERTIFICATE, ERASURE, EXPORT, EXPORT_CERTIFICATE, GARBAGE

if TYPE_CHECKING:
    from sqlalchemy import Connection

_IS_ERASED = select(ERASURE.c.certificate_id).where(ERASURE.c.certificate_id == CERTIFICATE.c.certificate_id).exists()
_IS_LEFT = select(GARBAGE.c.segment_id).where(GARBAGE.c.certificate_id == CERTIFICATE.c.certificate_id).exists()
_MAY_BE_LEFT = (
    select(GARBAGE.c.segment_id)
    .where(
        GARBAGE.c.certificate_id.is_(None),
        GARBAGE.c.at_us == CERTIFICATE.c.at_us,
        GARBAGE.c.reason == CERTIFICATE.c.rule,
    )
    .exists()
)
_HAS_EXPORT = (
    select(EXPORT_CERTIFICATE.c.certificate_id)
    .where(EXPORT_CERTIFICATE.c.certificate_id == CERTIFICATE.c.certificate_id)
    .exists()
)


class ErasureRows(Database):
    """What a start finds out about old certificates."""

    def settle_erasures(self) -> None:
        """Note what is gone, and to which exports certificates belong that do not say so; twice is as once."""
        with self._writing() as connection:
            note_erased(connection, gone_unseen(connection), self.clock.now_us())
            _link_exports(connection)


def gone_unseen(connection: Connection) -> list[int]:
    """Return the certificates of footage that are not noted as erased although no file of theirs can be left."""
    query = select(CERTIFICATE.c.certificate_id).where(
        CERTIFICATE.c.record_class == RecordClass.VIDEO.value, ~_IS_ERASED, ~_IS_LEFT, ~_MAY_BE_LEFT
    )
    return list(connection.execute(query).scalars())


def _link_exports(connection: Connection) -> None:
    columns = (CERTIFICATE.c.certificate_id, CERTIFICATE.c.digest, CAMERA.c.camera_id)
    unknown = (
        select(*columns)
        .join_from(CERTIFICATE, CAMERA, CERTIFICATE.c.camera_key == CAMERA.c.camera_key)
        .where(CERTIFICATE.c.record_class == RecordClass.EXPORT.value, ~_IS_ERASED, ~_HAS_EXPORT)
    )
    certificates = {(row.digest, row.camera_id): row.certificate_id for row in connection.execute(unknown)}
    if not certificates:
        return
    for text in connection.execute(select(EXPORT.c.job).where(EXPORT.c.state == ExportState.REMOVED.value)).scalars():
        job = ExportJob.from_json(text)
        digest = digest_of(bytes.fromhex(file.sha256) for file in job.files)
        for camera_id in job.camera_ids:
            if (certificate_id := certificates.get((digest, camera_id))) is not None:
                link_certificate(connection, job.export_id, folder_of(job), certificate_id)
