"""Tells the ledger of the footage that was stored: every full hour, at a start what an end left out, and at an end.

With each turn it also has the ledger corrected, should it tell of rules that never came into force.
It also tells of what a package takes before that is made. From then on nobody can change, drop or date back any of it
unnoticed by those who have a later copy of the ledger (invariant 8).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from recorder_core.models import Duty
from recorder_core.storage.index import Index
from recorder_core.storage.root_rows import MOST_LEAVES

from .waiting import woken_or_after

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from recorder_core.clock import Clock

    from .duties import Duties
    from .index_thread import IndexThread

HOUR_US = 3_600_000_000


async def tell_of_camera(index: IndexThread, camera_id: str, at_us: int) -> None:
    """Tell the ledger of what is stored of a camera and what it does not tell of yet. Raises StorageError."""
    told = MOST_LEAVES
    while told == MOST_LEAVES:  # there may be more, of footage that was read in
        told = await index.ask(Index.append_roots, camera_id, at_us)


class LedgerKeeper:
    """Writes the entries `begun` and `roots`, on the running event loop, from `start` to `close`."""

    def __init__(self, index: IndexThread, clock: Clock, duties: Duties) -> None:
        """Prepare to write into `index`."""
        self._index = index
        self._duties = duties
        self._clock = clock
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self, settle: Callable[[], Awaitable[None]]) -> None:
        """Begin the ledger if there is none; `settle` is asked with each turn to correct it, see `Configuration`.

        Raises StorageError where the index fails.
        """
        self._settle = settle
        await self._index.ask(Index.begin_ledger, self._clock.now_us())
        self._task = asyncio.create_task(self._keep(), name="ledger")

    def wake(self) -> None:
        """Take a turn now."""
        self._wake.set()

    async def close(self) -> None:
        """Tell of what was closed since; all files are closed by now."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            with self._duties.turn(Duty.LEDGER):
                await self._tell()

    async def _keep(self) -> None:
        while True:
            with self._duties.turn(Duty.LEDGER):  # what is not told of now is told of next time
                await self._tell()
            now_us = self._clock.now_us()
            await woken_or_after(self._clock, self._wake, (HOUR_US - now_us % HOUR_US) / 1_000_000)

    async def _tell(self) -> None:
        for camera_id in await self._index.ask(Index.untold_cameras):
            await tell_of_camera(self._index, camera_id, self._clock.now_us())
        await self._settle()  # the last, for the files that it writes may fail where the index does not
