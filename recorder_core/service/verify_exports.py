"""Holds the files of exports against what the index says of them (invariants 5 and 10), or looks for sound in them.

What an export was when it was made stands in the index, and in the ledger, with the SHA-256 of each file. Its folder
holds these files and its record, and nothing else.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recorder_core.export.folders import FOLDER, RECORD
from recorder_core.export.package.zip_file import ZipError, read_zip
from recorder_core.models import ExportState
from recorder_core.mp4 import Mp4Error, read_progressive

from .verify import Flaw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from recorder_core.models import ExportFile, ExportJob
    from recorder_core.storage.index import Index
    from recorder_core.storage.volumes import VolumeHandle

_BEGINNINGS = {".png": b"\x89PNG\r\n\x1a\n", ".jpg": b"\xff\xd8\xff", ".json": b"{"}
"""How the files begin that are a picture, or tell of one."""

_BESIDE_VIDEOS = (".csv", ".jsonl", ".json", ".sig", ".pem", ".pdf", ".html", "SHA256SUMS")
"""How the names of a package's other files end."""


@dataclass(frozen=True, slots=True)
class ExportFinding:
    """One flaw of one file of an export; `path` is relative to its volume, `detail` says where or how."""

    export_id: str
    path: str
    flaw: Flaw
    detail: str = ""


type ExamineFile = Callable[[Path, ExportFile], str | None]
"""Looks at a file of an export; returns what is wrong with it, None if nothing is. It may raise OSError."""


def verify_exports(
    index: Index,
    handles: list[VolumeHandle],
    examine: ExamineFile,
    *,
    camera_id: str | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Iterator[ExportFinding]:
    """Look at every file of the exports on these volumes, or of those with one camera; yield what is wrong.

    `progress` hears the exports that were looked at and all of them.

    Raises:
        StorageError: the index fails.
    """
    jobs = [job for job in _kept(index) if camera_id is None or camera_id in job.camera_ids]
    for number, job in enumerate(jobs, 1):
        root = _volume_of(job, [handle.volume.path for handle in handles])
        if root is not None:
            yield from _findings(job, root, examine)
        progress(number, len(jobs))


def check_unchanged(path: Path, file: ExportFile) -> str | None:
    """Hold a file against the size and the SHA-256 that it was made with."""
    with path.open("rb", buffering=0) as opened:
        size = opened.seek(0, 2)
        if size != file.size:
            return f"{size} bytes instead of {file.size}"
        opened.seek(0)
        same = hashlib.file_digest(opened, "sha256").hexdigest() == file.sha256
    return None if same else "it is not the file that was made"


def check_no_sound(path: Path, _file: ExportFile) -> str | None:
    """Make sure that a file has no room for sound: each byte of a video is one of its headers or of a picture."""
    with path.open("rb", buffering=0) as opened:
        size = opened.seek(0, 2)
        try:
            if path.suffix == ".mp4":
                read_progressive(opened, 0, size)
                return None
            if path.suffix == ".zip":
                return _sound_in_package(opened)
        except (Mp4Error, ZipError) as error:
            return str(error)
        opened.seek(0)
        beginning = _BEGINNINGS.get(path.suffix)
        known = beginning is not None and opened.read(len(beginning)) == beginning
    return None if known else "it is no file that the recorder makes"


def _sound_in_package(file: BinaryIO) -> str | None:
    members, flaws = read_zip(file)
    if flaws:
        return str(flaws[0])
    for member in members:
        if member.name.endswith(".mp4"):
            try:
                read_progressive(file, member.offset, member.size)
            except Mp4Error as error:
                return f"{member.name}: {error}"
        elif not member.name.endswith(_BESIDE_VIDEOS):
            return f"{member.name}: it is no file that the recorder makes"
    return None


def _kept(index: Index) -> Iterator[ExportJob]:
    for one in index.kept_exports():
        stored = index.export(one.export_id)
        if stored is not None and stored.job.state is ExportState.DONE:
            yield stored.job


def _volume_of(job: ExportJob, roots: list[Path]) -> Path | None:
    """The volume that has an export's folder, or the one where it was made; None if that is not there."""
    having = (root for root in roots if (root / FOLDER / job.export_id).is_dir())
    made_on = (root for root in roots if any(file.path.startswith(f"{root}/") for file in job.files))
    return next(having, None) or next(made_on, None)


def _findings(job: ExportJob, root: Path, examine: ExamineFile) -> Iterator[ExportFinding]:
    folder = root / FOLDER / job.export_id
    known = {RECORD}
    for file in job.files:
        path = folder / file.path.rpartition("/")[2]
        known.add(path.name)
        shown = str(path.relative_to(root))
        try:
            wrong = examine(path, file)
        except FileNotFoundError:
            yield ExportFinding(job.export_id, shown, Flaw.MISSING)
        except OSError as error:
            yield ExportFinding(job.export_id, shown, Flaw.UNREADABLE, error.strerror or "")
        else:
            if wrong is not None:
                yield ExportFinding(job.export_id, shown, Flaw.CHANGED, wrong)
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            if path.name not in known:
                yield ExportFinding(job.export_id, str(path.relative_to(root)), Flaw.FOREIGN)
