"""The folder that an export has on a volume: private, with its files and `export.json`, which is written last.

So a folder with that record is whole, and one without is what a crash left (invariant 10). Every call blocks.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.json_data import JsonData
from recorder_core.models import ExportJob, ExportState
from recorder_core.storage.files import fsync_folder, make_folders, storage_error, write_private
from recorder_core.storage.volumes import is_volume

if TYPE_CHECKING:
    from collections.abc import Collection

FOLDER = "exports"
RECORD = "export.json"

_EXPORT_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record(JsonData):
    """The content of `export.json`: what was asked for, label included, and what came of it."""

    request: dict[str, Any]  # Any: JSON of one of the requests, by the job's kind
    job: ExportJob


class Fate(Enum):
    """What becomes of a folder that is found."""

    KEEP = auto()
    FINISH = auto()
    ADOPT = auto()
    REMOVE = auto()


def fate(state: ExportState | None, *, whole: bool) -> Fate:
    """Decide it: by what the index says of the export, None where it does not know it, and whether it is whole.

    A whole folder of an export that counts as running was finished right before a crash. One that the index does not
    know was made before the index was lost. One that is not whole, of an export that is done, is from an attempt that
    was cut short on another volume.
    """
    match state:
        case ExportState.DONE if whole:
            return Fate.KEEP
        case ExportState.QUEUED | ExportState.RUNNING if whole:
            return Fate.FINISH
        case None if whole:
            return Fate.ADOPT
        case _:
            return Fate.REMOVE


def make_folder(root: Path, export_id: str) -> Path:
    """Make the folder of an export on a volume. Raises StorageError, `VOLUME_MISSING` without one (invariant 6)."""
    folder = root / FOLDER / export_id
    if not is_volume(root):
        raise StorageError(ErrorCode.VOLUME_MISSING, "The volume for the export is not there.", path=str(root))
    try:
        make_folders(root, folder)
    except OSError as error:
        raise storage_error(error, "Making the export's folder") from error
    return folder


def root_of(folder: Path) -> Path:
    """Return the volume that the folder of an export lies on."""
    return folder.parents[1]


def found_folders(root: Path) -> list[str]:
    """Return the ids of the exports that have a folder on a volume."""
    exports = root / FOLDER
    if not exports.is_dir():
        return []
    return sorted(folder.name for folder in exports.iterdir() if _EXPORT_ID.fullmatch(folder.name))


def is_whole(root: Path, export_id: str, job: ExportJob | None) -> bool:
    """Whether a folder has its record, or else one of the files of `job`, in its size, if that is known.

    Where the files of `job` were made, what is left of them counts as whole: what the disk has damaged is no draft.
    """
    folder = root / FOLDER / export_id
    if (folder / RECORD).is_file() or (job is not None and any(Path(one.path).parent == folder for one in job.files)):
        return True
    files = {} if job is None else {file.path.rpartition("/")[2]: file.size for file in job.files}
    return any(path.stat().st_size == files[path.name] for path in folder.iterdir() if path.name in files)


def write_record(folder: Path, request: str, job: ExportJob) -> None:
    """Put the record beside the files, which are all there and synced. Raises StorageError."""
    try:
        write_private(folder / RECORD, Record(request=orjson.loads(request), job=job).to_jsonb())
    except OSError as error:
        raise storage_error(error, "Writing the export's record") from error


def read_record(root: Path, export_id: str) -> tuple[str, ExportJob] | None:
    """Return the request, as JSON, and the job of a whole folder; None if its record cannot be read."""
    try:
        record = Record.from_json((root / FOLDER / export_id / RECORD).read_bytes())
    except OSError, ValueError, TypeError, LookupError:
        return None
    return orjson.dumps(record.request).decode(), record.job


def sizes_of(root: Path, export_id: str) -> dict[str, int]:
    """Return the sizes of the files in the folder of an export by their names; none if there is no folder."""
    folder = root / FOLDER / export_id
    return {path.name: path.stat().st_size for path in folder.iterdir()} if folder.is_dir() else {}


def is_gone(folder: Path, roots: Collection[Path]) -> bool:
    """Whether the folder of an export is not there.

    Of a volume that is none of `roots`, that went away meanwhile, or whose disk does not say, it cannot be told.
    """
    root = root_of(folder)
    try:
        folder.stat()
    except FileNotFoundError:
        return root in roots and is_volume(root)
    except OSError:
        return False
    return False


def remove_folder(root: Path, export_id: str) -> None:
    """Remove the folder of an export, if it is there; harmless to repeat after a crash.

    The record goes first, so that what a crash leaves does not look whole.
    """
    folder = root / FOLDER / export_id
    if not folder.is_dir():
        return
    (folder / RECORD).unlink(missing_ok=True)
    fsync_folder(folder)
    shutil.rmtree(folder)
    fsync_folder(folder.parent)
