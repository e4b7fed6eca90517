"""Rows of exports: every clip, still and package from when it was asked for, as a record of its own (invariant 10).

What was made is removed like footage is: in one transaction the holds are asked, the certificate and the ledger's entry
are written, and the row says that it is gone; the files follow (invariants 2 and 3).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from recorder_core.errors import ErrorCode, RequestError
from recorder_core.models import ExportJob, ExportState, LedgerKind, RecordClass

from .camera_rows import camera_key, know_cameras
from .certificate_rows import CertificateRows, certify_draft, certify_files, note_folder_erased
from .delivery_rows import give_up_copies
from .hold_rows import holding
from .ledger_rows import append_ledger
from .schema import DELIVERY, ERASURE, EXPORT, EXPORT_CERTIFICATE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Row

    from .certificate_rows import Reason

_ERASED = select(ERASURE.c.certificate_id).scalar_subquery()

_UNFINISHED = (ExportState.QUEUED.value, ExportState.RUNNING.value)


@dataclass(frozen=True, slots=True)
class StoredExport:
    """An export as the index keeps it. `request` is the request's JSON; which one it is follows from the job's kind."""

    job: ExportJob
    request: str


@dataclass(frozen=True, slots=True)
class KeptExport:
    """An export whose files are there; `expires_us` is what its request said, None where that said nothing."""

    export_id: str
    created_us: int
    expires_us: int | None
    size: int


class ExportRows(CertificateRows):
    """Exports."""

    def add_export(self, export: StoredExport) -> None:
        """Add an export that is asked for; its cameras are known."""
        with self._writing() as connection:
            _insert(connection, export)

    def adopt_export(self, export: StoredExport) -> bool:
        """Take in an export that was made for an index that was lost; False if this one knows it."""
        job = export.job
        with self._writing() as connection:
            if _row(connection, job.export_id) is not None:
                return False
            know_cameras(connection, job.camera_ids, job.created_us)
            _insert(connection, export)
            return True

    def put_export(self, job: ExportJob) -> None:
        """Keep how far an export is that makes no file, or none yet."""
        with self._writing() as connection:
            _put(connection, job)

    def finish_export(self, job: ExportJob, now_us: int) -> None:
        """Keep that an export is done, with its files, and say so in the ledger. Twice is as once."""
        with self._writing() as connection:
            known = _row(connection, job.export_id)
            if known is None or known.state not in _UNFINISHED:
                return
            _put(connection, job)
            body = {
                "export_id": job.export_id,
                "kind": job.kind,
                "camera_ids": job.camera_ids,
                "start_us": job.start_us,
                "end_us": job.end_us,
                "actor": job.actor,
                "files": [
                    {"name": file.path.rpartition("/")[2], "sha256": file.sha256, "size": file.size}
                    for file in job.files
                ],
            }
            append_ledger(connection, LedgerKind.EXPORTED, now_us, body)

    def remove_export(self, export_id: str, reason: Reason) -> ExportJob:
        """Give the files of an export up, with a certificate for each of its cameras; returns it as it is then.

        Its copies in delivery folders are given up with it.

        Raises:
            RequestError: `UNKNOWN_EXPORT` where there is none that is done, `HELD`, with the oldest hold's id, while
                holds cover what it shows.
        """
        with self._writing() as connection:
            row = _row(connection, export_id)
            if row is None or row.state != ExportState.DONE.value:
                raise unknown_export(export_id)
            job = ExportJob.from_json(row.job)
            for camera_id in job.camera_ids:
                holds = holding(connection, camera_key(connection, camera_id), job.start_us, job.end_us)
                if holds:
                    which = f"Hold {holds[0]} covers" if len(holds) == 1 else f"{len(holds)} holds cover"
                    raise RequestError(
                        ErrorCode.HELD,
                        f"{which} what this export shows; release {'it' if len(holds) == 1 else 'them'} first.",
                        export_id=export_id,
                        camera_id=camera_id,
                        hold_id=holds[0],
                        holds=len(holds),
                    )
            removed = replace(job, state=ExportState.REMOVED)
            _put(connection, removed)
            files = [(file.size, bytes.fromhex(file.sha256)) for file in job.files]
            certify_files(connection, job, folder_of(job), reason, RecordClass.EXPORT, files)
            give_up_copies(connection, export_id, reason)
            return removed

    def give_up_draft(self, job: ExportJob, folder: str, sizes: Mapping[str, int], reason: Reason) -> None:
        """Certify, for each camera, that what an export had made in a folder, files by their names, is to go.

        Nothing is certified twice, nor where there is no file.
        """
        with self._writing() as connection:
            certify_draft(connection, job, folder, sizes, reason)

    def export_erased(self, export_id: str, folder: str, now_us: int) -> None:
        """Note that the folder of an export lies nowhere any more; twice is as once."""
        with self._writing() as connection:
            note_folder_erased(connection, export_id, folder, now_us)

    def unerased_folders(self) -> list[tuple[str, str]]:
        """Return the exports' ids and folders with certificates that do not say yet that the files are gone.

        Those of copies in delivery folders are not among them.
        """
        columns = (EXPORT_CERTIFICATE.c.export_id, EXPORT_CERTIFICATE.c.folder)
        query = select(*columns).where(
            EXPORT_CERTIFICATE.c.certificate_id.not_in(_ERASED),
            EXPORT_CERTIFICATE.c.folder.not_in(select(DELIVERY.c.path).scalar_subquery()),
        )
        query = query.distinct()
        with self._reading() as connection:
            return [(row.export_id, row.folder) for row in connection.execute(query)]

    def export(self, export_id: str) -> StoredExport | None:
        """Return an export by its id."""
        with self._reading() as connection:
            row = _row(connection, export_id)
            return None if row is None else _stored(row)

    def exports(self, limit: int) -> list[StoredExport]:
        """Return up to `limit` exports, the newest first."""
        query = select(EXPORT).order_by(EXPORT.c.export_key.desc()).limit(limit)
        with self._reading() as connection:
            return [_stored(row) for row in connection.execute(query)]

    def unfinished_exports(self) -> list[StoredExport]:
        """Return the exports that are queued or running, in the order in which they were asked for."""
        query = select(EXPORT).where(EXPORT.c.state.in_(_UNFINISHED)).order_by(EXPORT.c.export_key)
        with self._reading() as connection:
            return [_stored(row) for row in connection.execute(query)]

    def kept_exports(self) -> list[KeptExport]:
        """Return the exports whose files are there, in the order in which they were asked for."""
        columns = (EXPORT.c.export_id, EXPORT.c.created_us, EXPORT.c.expires_us, EXPORT.c.size)
        query = select(*columns).where(EXPORT.c.state == ExportState.DONE.value).order_by(EXPORT.c.export_key)
        with self._reading() as connection:
            return [
                KeptExport(row.export_id, row.created_us, row.expires_us, row.size) for row in connection.execute(query)
            ]


def unknown_export(export_id: str) -> RequestError:
    """Return the error for an id that no export has."""
    return RequestError(ErrorCode.UNKNOWN_EXPORT, "There is no such export.", export_id=export_id[:64])


def folder_of(job: ExportJob) -> str:
    """Return where the files of an export lie that was made; empty if it has none."""
    return job.files[0].path.rpartition("/")[0] if job.files else ""


def _row(connection: Connection, export_id: str) -> Row[tuple[object, ...]] | None:
    return connection.execute(select(EXPORT).where(EXPORT.c.export_id == export_id)).one_or_none()


def _stored(row: Row[tuple[object, ...]]) -> StoredExport:
    return StoredExport(ExportJob.from_json(row.job), row.request)


def _size(job: ExportJob) -> int:
    return sum(file.size for file in job.files)


def _insert(connection: Connection, export: StoredExport) -> None:
    job = export.job
    values = {
        "export_id": job.export_id,
        "kind": job.kind.value,
        "state": job.state.value,
        "request": export.request,
        "job": job.to_json(),
        "created_us": job.created_us,
        "expires_us": job.expires_us,
        "size": _size(job),
    }
    connection.execute(insert(EXPORT).values(values))


def _put(connection: Connection, job: ExportJob) -> None:
    values = {"state": job.state.value, "job": job.to_json(), "size": _size(job)}
    connection.execute(update(EXPORT).where(EXPORT.c.export_id == job.export_id).values(values))
