"""The delivery folders of the settings: checked before they are taken into use, kept while copies lie in them.

A share that is away may hold a call for minutes: each folder is asked on a thread of its own (`DiskCalls`).
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, RequestError, StorageError
from recorder_core.export.delivery_copies import place_of
from recorder_core.export.delivery_folders import check_apart, mark
from recorder_core.storage.index import Index

from .disk_calls import DiskCalls

if TYPE_CHECKING:
    from recorder_core.models import Settings

    from .index_thread import IndexThread


class DeliveryFolders:
    """All delivery folders of one recorder, on the running event loop."""

    def __init__(self, index: IndexThread, data: Path) -> None:
        """`data` is the data folder, in which no copy may lie."""
        self._index = index
        self._data = data
        self._disks: dict[str, DiskCalls] = {}

    def disk(self, path: str) -> DiskCalls:
        """Return who asks the disk or share that a delivery folder lies on."""
        return self._disks.setdefault(str(Path(path)), DiskCalls(path))

    async def check_change(self, before: Settings, after: Settings) -> None:
        """Make sure that settings may follow on others, and make delivery folders of the folders that they add.

        Raises:
            RequestError: `BAD_REQUEST` with the field, `DELIVERY_FOLDER_IN_USE` while copies lie in one that they lack.
            StorageError: What speaks against a new one, with the field, see `delivery_folders.mark`, or
                `STORAGE_STALLED`.
        """
        await self._check_removed(after)
        known = {str(Path(folder.path)) for folder in before.delivery_folders}
        store = [str(self._data), *(volume.path for volume in after.volumes)]
        for place, folder in enumerate(after.delivery_folders):
            field = f"delivery_folders[{place}].path"
            others = [*store, *(one.path for one in after.delivery_folders[:place])]
            check_apart(folder, others, field, real=False)
            if str(Path(folder.path)) not in known:
                behind = [one.path for one in after.delivery_folders[place + 1 :]]
                disk = self.disk(folder.path)
                try:
                    await disk.do(check_apart, folder, [*others, *behind], field, real=True)
                    await disk.do(mark, folder)
                except StorageError as error:
                    raise StorageError(error.code, error.message, **error.placeholders, field=field) from error

    async def _check_removed(self, after: Settings) -> None:
        """Make sure that no copy lies in a folder that `after` does not have: nobody would remove it in time."""
        kept = {str(Path(folder.path)) for folder in after.delivery_folders}
        places = [place_of(one)[0] for one in await self._index.ask(Index.active_deliveries)]
        left = Counter((place.name, place.path) for place in places if place.path not in kept)
        for (name, path), count in left.most_common(1):
            raise RequestError(
                ErrorCode.DELIVERY_FOLDER_IN_USE,
                f"In delivery folder {name} lie copies: {count}. Remove them first, or wait until their time is over.",
                folder=name,
                path=path,
                copies=count,
            )
