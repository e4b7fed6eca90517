"""A copy of an export in a delivery folder: a folder of its own with the files and `delivery.json`. Every call blocks.

It is made under a name that begins with a dot, the record first, and renamed when all of it is synced: so one without
the dot is whole, and both can be told from what others put there, even by an index that knows neither (invariant 7).
People can write in such a folder: no link in it is followed, and only what was put there, by its name, is unlinked.
"""

from __future__ import annotations

import errno
import logging
import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.models import DeliveredFile, DeliveryFolder
from recorder_core.storage.files import FILE_MODE, FOLDER_MODE
from recorder_core.storage.volumes import is_volume

from .delivery_folders import hand_over, opened
from .delivery_records import MOST_BYTES, RECORD, Record, parsed
from .folders import root_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from recorder_core.models import Delivery, ExportJob

_LOGGER = logging.getLogger(__name__)
_CHUNK = 1 << 20
_ID_LETTERS = 8
_NOT_OURS = frozenset({errno.ENOTDIR, errno.ELOOP})
_NOT_EMPTY = frozenset({errno.ENOTEMPTY, errno.EEXIST})


@dataclass(frozen=True, slots=True)
class Found:
    """A copy that lies in a delivery folder; one that is not `whole` was cut short."""

    name: str
    record: Record
    whole: bool


def name_of(job: ExportJob, delivery_id: str) -> str:
    """Return the name that the folder of a copy has: the first file's, and the beginning of the copy's id."""
    return f"{Path(job.files[0].path).stem}-{delivery_id[:_ID_LETTERS]}"


def files_of(job: ExportJob) -> list[DeliveredFile]:
    """Return the files of an export as a copy has them."""
    return [DeliveredFile(name=Path(one.path).name, size=one.size, sha256=one.sha256) for one in job.files]


def make_copy(delivery: Delivery, job: ExportJob, store_id: str, stopped: Callable[[], bool]) -> None:
    """Copy an export's files, and leave off where `stopped` says so; what is there then is for `remove_copy`.

    `store_id` names the store that the copy is of, in its record.

    Raises:
        StorageError: see `delivery_folders.opened`; `EXPORT_DAMAGED` for a file that is not what was exported,
            `VOLUME_MISSING` where the export's volume is away, `DELIVERY_FAILED` when it is stopped.
    """
    folder, name = place_of(delivery)
    with opened(folder) as folder_fd:
        os.mkdir(_draft(name), FOLDER_MODE, dir_fd=folder_fd)
        with _subfolder(folder_fd, _draft(name)) as fd:
            with _new_file(folder_fd, fd, RECORD) as file:
                _write(file, Record.of(delivery, store_id).to_jsonb())
            os.fsync(folder_fd)
            for source, expected in zip(job.files, delivery.files, strict=True):
                _copy_file(folder_fd, fd, Path(source.path), expected, stopped)
            hand_over(folder_fd, fd, is_folder=True)
            os.fsync(fd)
        _go_on(stopped)  # the syncs may have hung for hours, and the copy been given up meanwhile
        os.rename(_draft(name), name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
        os.fsync(folder_fd)


def sizes_of_copy(delivery: Delivery) -> dict[str, int]:
    """Return the sizes of what lies there of a copy, whole or not, by the files' names.

    Raises:
        StorageError: see `delivery_folders.opened`.
    """
    folder, name = place_of(delivery)
    found: dict[str, int] = {}
    with opened(folder) as folder_fd:
        for one in (name, _draft(name)):
            with suppress(FileNotFoundError), _subfolder(folder_fd, one) as fd:
                for file in delivery.files:
                    with suppress(FileNotFoundError):
                        found[file.name] = os.stat(file.name, dir_fd=fd, follow_symlinks=False).st_size
    return found


def remove_copy(delivery: Delivery) -> None:
    """Remove what lies there of a copy, whole or not; harmless to repeat.

    What somebody else put into its folder stays, and the folder with it.

    Raises:
        StorageError: see `delivery_folders.opened`.
    """
    folder, name = place_of(delivery)
    with opened(folder) as folder_fd:
        for one in (_draft(name), name):  # in this order: a copying call that hung may rename it in between
            try:
                _remove(folder_fd, one, [file.name for file in delivery.files])
            except FileNotFoundError:
                continue
            except OSError as error:
                if error.errno not in _NOT_OURS:
                    raise
                _LOGGER.warning("%s/%s is no folder any more; it is left alone", folder.path, one)
        os.fsync(folder_fd)


def found_copies(folder: DeliveryFolder) -> list[Found]:
    """Return the copies that lie in a delivery folder, by their records.

    Raises:
        StorageError: see `delivery_folders.opened`.
    """
    found = []
    with opened(folder) as folder_fd:
        for one in sorted(os.listdir(folder_fd)):  # noqa: PTH208  # a path may lead elsewhere meanwhile
            record = _record(folder_fd, one)
            name = one.removeprefix(".")
            if record is not None and name.isprintable() and name.endswith(f"-{record.delivery_id[:_ID_LETTERS]}"):
                found.append(Found(name, record, whole=name == one))
    return found


def place_of(delivery: Delivery) -> tuple[DeliveryFolder, str]:
    """Return the delivery folder that a copy lies in, and its own folder's name there."""
    path = Path(delivery.path)
    return DeliveryFolder(name=delivery.folder, path=str(path.parent)), path.name


def _draft(name: str) -> str:
    return f".{name}"


@contextmanager
def _subfolder(folder_fd: int, name: str) -> Iterator[int]:
    fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder_fd)
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def _new_file(folder_fd: int, fd: int, name: str) -> Iterator[int]:
    """Make a file in the folder `fd` and have it synced."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    file = os.open(name, flags, FILE_MODE, dir_fd=fd)
    try:
        yield file
        hand_over(folder_fd, file)
        os.fsync(file)
    finally:
        os.close(file)


def _copy_file(folder_fd: int, fd: int, source: Path, expected: DeliveredFile, stopped: Callable[[], bool]) -> None:
    digest = sha256()
    _go_on(stopped)
    with _new_file(folder_fd, fd, expected.name) as file:
        for chunk in _chunks(source):
            _go_on(stopped)
            digest.update(chunk)
            _write(file, chunk)
    if digest.hexdigest() != expected.sha256:
        raise _damaged(source.name)


def _go_on(stopped: Callable[[], bool]) -> None:
    if stopped():
        raise StorageError(ErrorCode.DELIVERY_FAILED, "The copy was stopped before it was whole.")


def _chunks(source: Path) -> Iterator[bytes]:
    """Read an export's file. Raises StorageError, `EXPORT_DAMAGED`, or `VOLUME_MISSING` where its volume is away."""
    try:
        with source.open("rb", buffering=0) as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    except OSError as error:
        root = root_of(source.parent)
        if not is_volume(root):
            sentence = "The volume on which the export lies is not there."
            raise StorageError(ErrorCode.VOLUME_MISSING, sentence, path=str(root)) from error
        raise _damaged(source.name) from error


def _damaged(name: str) -> StorageError:
    sentence = f"{name} cannot be read as it was exported; no copy was made of it."
    return StorageError(ErrorCode.EXPORT_DAMAGED, sentence, file=name)


def _write(file: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(file, view) :]


def _remove(folder_fd: int, name: str, files: Sequence[str]) -> None:
    with _subfolder(folder_fd, name) as fd:
        refused: list[OSError] = []
        for file in files:
            try:
                _unlink(fd, file)
            except OSError as error:  # such as one that a share's user plays; the others go all the same
                refused.append(error)
        if refused:
            raise refused[0]
        _unlink(fd, RECORD)  # the last, for by it an index that is made anew finds what still lies there
        os.fsync(fd)
    try:
        os.rmdir(name, dir_fd=folder_fd)
    except OSError as error:
        if error.errno not in _NOT_EMPTY:
            raise
        _LOGGER.warning("The folder %s of a copy that went holds what others put there; that stays", name)


def _unlink(fd: int, name: str) -> None:
    with suppress(FileNotFoundError, IsADirectoryError):  # somebody took it away, or put a folder in its place
        os.unlink(name, dir_fd=fd)


def _record(folder_fd: int, name: str) -> Record | None:
    """Return the record in a folder; None for whatever is no copy."""
    try:
        with _subfolder(folder_fd, name) as fd:
            file = os.open(RECORD, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=fd)
            try:
                with os.fdopen(file, "rb", closefd=False) as content:
                    return parsed(content.read(MOST_BYTES))
            finally:
                os.close(file)
    except OSError:
        return None
