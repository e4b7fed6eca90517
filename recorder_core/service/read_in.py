"""Takes footage into the index that it does not know, while recording goes on: its index was lost, or the disk is new.

Keeps invariant 7 (the files alone suffice) without a price in footage: nobody waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING

from recorder_core.errors import StorageError
from recorder_core.storage.files import FILE_MODE, fsync_folder
from recorder_core.storage.ids import CAMERAS_FOLDER
from recorder_core.storage.rebuild import rebuild

from .waiting import woken_or_after

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recorder_core.clock import Clock
    from recorder_core.storage.records import Volume
    from recorder_core.storage.volumes import VolumeHandle

    from .index_thread import IndexThread

_LOGGER = logging.getLogger(__name__)

_AGAIN_S = 60.0

BEHIND = b"behind"
"""What stands in a note where the index knew the volume, but is older than its files: some of them may be deleted."""


def unread_note(folder: Path, volume_id: str) -> Path:
    """Return the file in the data folder that stands for "this volume is still to be read into the index"."""
    return folder / f"unread-{volume_id}"


def note_unread(folder: Path, volume: Volume) -> None:
    """Note that a volume which the index does not know is to be read, if there is anything to read. Blocks.

    Comes before the index knows it: then nobody would ask again.
    """
    try:
        (volume.path / CAMERAS_FOLDER).stat()
    except FileNotFoundError:
        return
    except OSError as error:  # there may be much, and reading it says again what is wrong
        _LOGGER.error("The footage on %s cannot be looked at: %s", volume.path, error.strerror)  # noqa: TRY400
    unread_note(folder, volume.volume_id).touch(FILE_MODE)
    fsync_folder(folder)


def note_read(folder: Path, volume: Volume, *, gave_up_missing: bool) -> None:
    """Take back that a volume is to be read, for it was; see `BEHIND` for what belongs to that. Blocks."""
    note = unread_note(folder, volume.volume_id)
    if note.exists() and (gave_up_missing or note.read_bytes() != BEHIND):
        note.unlink()


class _StoppedError(Exception):
    """Reading was broken off; what was read stays, the rest is read another time."""


class ReadIn:
    """Reads one volume, on the running event loop, until all is read or `close`."""

    def __init__(
        self, index: IndexThread, clock: Clock, folder: Path, handle: VolumeHandle, on_done: Callable[[Path, int], None]
    ) -> None:
        """Begin. A note in the data `folder` says that it is still to be done, and goes when it is."""
        self.is_over = False
        self.unread_bytes = 0
        self._index = index
        self._clock = clock
        self._handle = handle
        self._folder = folder
        self._on_done = on_done
        self._stop = threading.Event()
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(self._read(), name=f"reading {handle.volume.path}")

    async def close(self) -> None:
        """Break off, if it is not done; the next start goes on."""
        self._stop.set()
        self._wake.set()
        await asyncio.wait({self._task})

    async def _read(self) -> None:
        volume = self._handle.volume
        path = volume.path
        note = unread_note(self._folder, volume.volume_id)
        _LOGGER.warning("Volume %s holds footage that the index does not know: reading it", path)
        while not self._stop.is_set():
            try:
                behind = await asyncio.to_thread(note.read_bytes) == BEHIND
                found = await self._index.beside(rebuild, [self._handle], self._progress, give_up_missing=behind)
                await asyncio.to_thread(note_read, self._folder, volume, gave_up_missing=behind)
            except _StoppedError:
                return
            except StorageError as error:
                _LOGGER.error("Reading volume %s failed: %s", path, error.message)  # noqa: TRY400  # it says all
            except OSError as error:
                _LOGGER.error("Reading volume %s failed: %s", path, error.strerror)  # noqa: TRY400  # it says all
            except Exception:  # whatever it is: footage that was not read in must not be forgotten over it
                _LOGGER.exception("Reading volume %s failed unexpectedly", path)
            else:
                _LOGGER.warning("%d segments of volume %s were taken into the index", found.adopted, path)
                self.is_over = True
                self.unread_bytes = 0
                self._on_done(path, found.adopted)
                return
            await woken_or_after(self._clock, self._wake, _AGAIN_S)

    def _progress(self, done: int, total: int) -> None:
        """Keep what is left to do; called on the reading thread, again and again."""
        self.unread_bytes = total - done
        if self._stop.is_set():
            raise _StoppedError
