"""Has the index copied every hour, see `storage.index_backup`; a restart does not begin the hour anew."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from recorder_core.models import Duty
from recorder_core.storage.index_backup import back_up, backup_path

if TYPE_CHECKING:
    from pathlib import Path

    from recorder_core.clock import Clock

    from .duties import Duties

EVERY_S = 3600.0


async def keep_backups(index: Path, clock: Clock, duties: Duties) -> None:
    """Copy the index whenever the last copy is an hour old, until cancelled; after a failure an hour later."""
    while True:
        copied = False
        with duties.turn(Duty.INDEX_BACKUP):
            await clock.sleep(await asyncio.to_thread(_due_s, index, clock))
            await _back_up(index)
            copied = True
        if not copied:
            await clock.sleep(EVERY_S)


async def _back_up(index: Path) -> None:
    copying = asyncio.ensure_future(asyncio.to_thread(back_up, index))
    try:
        await asyncio.shield(copying)
    except asyncio.CancelledError:
        await asyncio.wait({copying})  # whoever stops the recorder may start another one at once
        raise


def _due_s(index: Path, clock: Clock) -> float:
    """Return in how many seconds the next copy is due; one from the future, by a clock that stepped, counts as new."""
    try:
        made_s = backup_path(index, 1).stat().st_mtime
    except FileNotFoundError:
        return 0.0
    return min(max(made_s + EVERY_S - clock.now_us() / 1e6, 0.0), EVERY_S)
