"""Rows of deliveries: every copy of an export in a delivery folder, as a record of its own (invariant 10).

A row comes before the first byte of a copy. One that was whole is given up like an export is: in one transaction the
certificate and the ledger's entry are written and the row says so; the files follow (invariant 2). Holds keep footage
and exports, no copies of them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from recorder_core.errors import ErrorCode, RequestError
from recorder_core.models import Delivery, DeliveryState, ExportJob, ExportState, LedgerKind, RecordClass

from .camera_rows import know_cameras
from .certificate_rows import CertificateRows, certify_draft, certify_files, note_folder_erased
from .ledger_rows import append_ledger
from .schema import DELIVERY, EXPORT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from .certificate_rows import Reason

_ACTIVE = (DeliveryState.COPYING.value, DeliveryState.DELIVERED.value, DeliveryState.REMOVING.value)


class DeliveryRows(CertificateRows):
    """Copies in delivery folders."""

    def add_delivery(self, delivery: Delivery) -> None:
        """Add a copy that is to be made. Raises RequestError, `EXPORT_NOT_DONE`."""
        with self._writing() as connection:
            _require_done(connection, delivery.export_id)
            _insert(connection, delivery)

    def put_delivery(self, delivery: Delivery) -> None:
        """Keep what is known of a copy that is not whole."""
        with self._writing() as connection:
            _put(connection, delivery)

    def give_up_copy_draft(self, delivery: Delivery, sizes: Mapping[str, int], reason: Reason) -> None:
        """Certify, for each camera, that what lies there of a copy that is not whole, files by their names, is to go.

        Nothing is certified twice, nor where there is no file.
        """
        with self._writing() as connection:
            if _is(connection, delivery.delivery_id, DeliveryState.COPYING):
                certify_draft(connection, delivery, delivery.path, sizes, reason)

    def fail_delivery(self, delivery: Delivery, now_us: int) -> Delivery | None:
        """Keep that a copy failed of which nothing is left, and return it as it is then; None if that is known."""
        failed = replace(delivery, state=DeliveryState.FAILED)
        with self._writing() as connection:
            if not _is(connection, delivery.delivery_id, DeliveryState.COPYING):
                return None
            note_folder_erased(connection, delivery.export_id, delivery.path, now_us)
            _put(connection, failed)
        return failed

    def finish_delivery(self, delivery: Delivery, now_us: int) -> Delivery:
        """Keep that a copy is whole, say so in the ledger, and return it as it is then.

        Raises RequestError, `EXPORT_NOT_DONE`, if its export was removed meanwhile.
        """
        delivered = replace(delivery, state=DeliveryState.DELIVERED)
        with self._writing() as connection:
            _require_done(connection, delivery.export_id)
            _put(connection, delivered)
            append_ledger(connection, LedgerKind.DELIVERED, now_us, _told(delivered))
        return delivered

    def adopt_delivery(self, delivery: Delivery, reason: Reason) -> Delivery:
        """Take in a copy that was made for an index that was lost, and return it as it is then.

        If its export was removed, it is given up for `reason` at once; of one that is not known it may be all there is.
        """
        with self._writing() as connection:
            if (known := _delivery(connection, delivery.delivery_id)) is not None:
                return known
            know_cameras(connection, delivery.camera_ids, delivery.created_us)
            _insert(connection, delivery)
            if delivery.state is DeliveryState.DELIVERED:
                append_ledger(connection, LedgerKind.DELIVERED, reason.at_us, _told(delivery) | {"found": True})
                if _is_removed(connection, delivery.export_id):
                    return _give_up(connection, delivery, reason)
            return delivery

    def give_up_delivery(self, delivery_id: str, reason: Reason) -> Delivery:
        """Give up a copy that is whole, with a certificate for each camera; return it as it is then.

        Any other stays as it is. Raises RequestError, `UNKNOWN_DELIVERY`.
        """
        with self._writing() as connection:
            delivery = _delivery(connection, delivery_id)
            if delivery is None:
                raise unknown_delivery(delivery_id)
            if delivery.state is not DeliveryState.DELIVERED:
                return delivery
            return _give_up(connection, delivery, reason)

    def delivery_erased(self, delivery_id: str, now_us: int) -> Delivery | None:
        """Note that nothing is left of a copy that was given up, and return it; None if that is known."""
        with self._writing() as connection:
            delivery = _delivery(connection, delivery_id)
            if delivery is None or delivery.state is not DeliveryState.REMOVING:
                return None
            note_folder_erased(connection, delivery.export_id, delivery.path, now_us)
            removed = replace(delivery, state=DeliveryState.REMOVED)
            _put(connection, removed)
            return removed

    def delivery(self, delivery_id: str) -> Delivery | None:
        """Return a copy by its id."""
        with self._reading() as connection:
            return _delivery(connection, delivery_id)

    def active_deliveries(self) -> list[Delivery]:
        """Return the copies of which files may lie in a folder, the newest first."""
        query = select(DELIVERY.c.delivery).where(DELIVERY.c.state.in_(_ACTIVE))
        with self._reading() as connection:
            found = connection.execute(query.order_by(DELIVERY.c.delivery_key.desc())).scalars()
            return [Delivery.from_json(text) for text in found]

    def deliveries(self, limit: int) -> list[Delivery]:
        """Return up to `limit` copies, whatever became of them, the newest first."""
        query = select(DELIVERY.c.delivery).order_by(DELIVERY.c.delivery_key.desc()).limit(limit)
        with self._reading() as connection:
            return [Delivery.from_json(text) for text in connection.execute(query).scalars()]


def unknown_delivery(delivery_id: str) -> RequestError:
    """Return the error for an id that no copy has."""
    return RequestError(ErrorCode.UNKNOWN_DELIVERY, "There is no such copy.", delivery_id=delivery_id[:64])


def not_done(job: ExportJob) -> RequestError:
    """Return the error for an export that has no files."""
    sentence = f"This export has no files to copy: it is {job.state}."
    return RequestError(ErrorCode.EXPORT_NOT_DONE, sentence, export_id=job.export_id, state=job.state.value)


def give_up_copies(connection: Connection, export_id: str, reason: Reason) -> None:
    """Give up all whole copies of an export, within the transaction that removes it."""
    query = select(DELIVERY.c.delivery).where(
        DELIVERY.c.export_id == export_id, DELIVERY.c.state == DeliveryState.DELIVERED.value
    )
    for text in connection.execute(query).scalars().all():
        _give_up(connection, Delivery.from_json(text), reason)


def _give_up(connection: Connection, delivery: Delivery, reason: Reason) -> Delivery:
    files = [(file.size, bytes.fromhex(file.sha256)) for file in delivery.files]
    certify_files(connection, delivery, delivery.path, reason, RecordClass.DELIVERY, files)
    given_up = replace(delivery, state=DeliveryState.REMOVING, removed_us=reason.at_us, removed_by=reason.actor)
    _put(connection, given_up)
    return given_up


def _require_done(connection: Connection, export_id: str) -> None:
    text = connection.execute(select(EXPORT.c.job).where(EXPORT.c.export_id == export_id)).scalar_one()
    job = ExportJob.from_json(text)
    if job.state is not ExportState.DONE:
        raise not_done(job)


def _is_removed(connection: Connection, export_id: str) -> bool:
    query = select(EXPORT.c.state).where(EXPORT.c.export_id == export_id)
    return bool(connection.execute(query).scalar_one_or_none() == ExportState.REMOVED)


def _delivery(connection: Connection, delivery_id: str) -> Delivery | None:
    query = select(DELIVERY.c.delivery).where(DELIVERY.c.delivery_id == delivery_id)
    text = connection.execute(query).scalar_one_or_none()
    return None if text is None else Delivery.from_json(text)


def _is(connection: Connection, delivery_id: str, state: DeliveryState) -> bool:
    query = select(DELIVERY.c.state).where(DELIVERY.c.delivery_id == delivery_id)
    return bool(connection.execute(query).scalar_one() == state)


def _told(delivery: Delivery) -> dict[str, object]:
    names = ("delivery_id", "export_id", "folder", "created_us", "expires_us", "actor", "files")
    told = delivery.to_dict()
    return {name: told[name] for name in names}


def _values(delivery: Delivery) -> dict[str, str]:
    return {
        "delivery_id": delivery.delivery_id,
        "export_id": delivery.export_id,
        "state": delivery.state.value,
        "path": delivery.path,
        "delivery": delivery.to_json(),
    }


def _insert(connection: Connection, delivery: Delivery) -> None:
    connection.execute(insert(DELIVERY).values(_values(delivery)))


def _put(connection: Connection, delivery: Delivery) -> None:
    which = DELIVERY.c.delivery_id == delivery.delivery_id
    connection.execute(update(DELIVERY).where(which).values(_values(delivery)))
