"""`delivery.json`, which lies beside the files of each copy: what an index that is made anew must know to end it.

It names the store that the copy is of, for several recorders may share a folder; times, cameras and files, so that the
copy is certified and removed even where its export was lost as well; and no word about people. Whoever may write in the
folder may have written it: what no recorder writes is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from recorder_core.errors import RequestError
from recorder_core.json_data import JsonData
from recorder_core.models import DeliveredFile
from recorder_core.storage.ids import check_camera_id

if TYPE_CHECKING:
    from recorder_core.models import Delivery

RECORD = "delivery.json"
MOST_BYTES = 4 << 20
"""Far more than a thousand cameras and the files of a day in which a camera was away every few seconds take."""

_ID = re.compile(r"[0-9a-f]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NO_NAMES = frozenset({"", ".", "..", RECORD})
_MOST_FILE_BYTES = 1 << 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Record(JsonData):
    """The content of `delivery.json`. Its times are to be bounded by whoever reads it; `files` are what was to be."""

    store_id: str
    delivery_id: str
    export_id: str
    camera_ids: list[str]
    start_us: int
    end_us: int
    created_us: int
    expires_us: int
    files: list[DeliveredFile]

    @classmethod
    def of(cls, delivery: Delivery, store_id: str) -> Self:
        """Return what lies beside a copy."""
        return cls(
            store_id=store_id,
            delivery_id=delivery.delivery_id,
            export_id=delivery.export_id,
            camera_ids=delivery.camera_ids,
            start_us=delivery.start_us,
            end_us=delivery.end_us,
            created_us=delivery.created_us,
            expires_us=delivery.expires_us,
            files=delivery.files,
        )


def parsed(content: bytes) -> Record | None:
    """Return a record, None for what no recorder wrote; ids and files' names in it may be used as they are."""
    try:
        record = Record.from_json(content)
        for camera_id in record.camera_ids:
            check_camera_id(camera_id)
    except ValueError, TypeError, LookupError, RequestError:
        return None
    is_record = (
        all(_ID.fullmatch(one) for one in (record.delivery_id, record.export_id))
        and 0 < len(record.camera_ids) == len(set(record.camera_ids))
        and record.files
        and all(map(_is_file, record.files))
    )
    return record if is_record else None


def _is_file(file: DeliveredFile) -> bool:
    is_name = file.name.isprintable() and "/" not in file.name and file.name not in _NO_NAMES
    return is_name and 0 <= file.size <= _MOST_FILE_BYTES and _SHA256.fullmatch(file.sha256) is not None
