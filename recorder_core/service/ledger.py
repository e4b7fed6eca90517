"""Tells the ledger of the footage that was stored: every full hour, at a start what an end left out, and at an end.

From then on nobody can change, drop or date back any of it unnoticed by those who have a later copy of the ledger
(invariant 8).
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from recorder_core.errors import RecorderError
from recorder_core.storage.index import Index
from recorder_core.storage.root_rows import MOST_LEAVES

if TYPE_CHECKING:
    from recorder_core.clock import Clock

    from .index_thread import IndexThread

_LOGGER = logging.getLogger(__name__)

HOUR_US = 3_600_000_000


class LedgerKeeper:
    """Writes the entries `begun` and `roots`, on the running event loop, from `start` to `close`."""

    def __init__(self, index: IndexThread, clock: Clock) -> None:
        """Prepare to write into `index`."""
        self._index = index
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin the ledger if there is none. Raises StorageError where the index fails."""
        await self._index.ask(Index.begin_ledger, self._clock.now_us())
        self._task = asyncio.create_task(self._keep(), name="ledger")

    async def close(self) -> None:
        """Tell of what was closed since; all files are closed by now."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            await self._tell()

    async def _keep(self) -> None:
        while True:
            await self._tell()
            now_us = self._clock.now_us()
            await self._clock.sleep((HOUR_US - now_us % HOUR_US) / 1_000_000)

    async def _tell(self) -> None:
        try:
            for camera_id in await self._index.ask(Index.untold_cameras):
                told = MOST_LEAVES
                while told == MOST_LEAVES:  # there may be more, of footage that was read in
                    told = await self._index.ask(Index.append_roots, camera_id, self._clock.now_us())
        except RecorderError as error:  # what is not told of now is told of next time
            _LOGGER.error("The ledger could not be written: %s", error.message)  # noqa: TRY400  # it says all
