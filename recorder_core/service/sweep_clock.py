"""The clock that a sweep goes by: looked at again and again, and what is thought of it kept over restarts."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .clock_trust import Reading, confirmed, look
from .sweep_state import load_state, save_state

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder_core.clock import Clock

_LOGGER = logging.getLogger(__name__)

_SAVE_US = 300_000_000
"""So often the file is replaced though nothing has changed: it says until when the clock was seen."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class SweepClock:
    """Says whether the wall clock may decide over footage. Also keeps of which reviews somebody was reminded."""

    def __init__(self, clock: Clock, folder: Path, synchronised: Callable[[], bool | None]) -> None:
        """Look at `clock`; `synchronised` says whether anything disciplines it, None counting as no.

        `folder` is the recorder's data folder. Blocks on it.
        """
        self._clock = clock
        self._folder = folder
        self._synchronised = synchronised
        self._boot_id = _BOOT_ID.read_text().strip()
        self._state = load_state(folder)
        self._saved_us: int | None = None

    @property
    def in_doubt(self) -> bool:
        """Whether nothing may be deleted by age."""
        return self._state.clock is None or self._state.clock.doubt_us is not None

    @property
    def seen_us(self) -> int:
        """What the wall clock showed at the last look; what it shows now, `in_doubt` says nothing about."""
        return self._clock.now_us() if self._state.clock is None else self._state.clock.reading.wall_us

    @property
    def seen_running_us(self) -> int:
        """What the monotonic clock showed then."""
        return self._clock.monotonic_us() if self._state.clock is None else self._state.clock.reading.monotonic_us

    @property
    def reminded(self) -> dict[str, int]:
        """The moments of the reviews that were told of, by the holds' ids."""
        return self._state.reminded

    async def look(self) -> None:
        """See whether it is still to be believed."""
        before = self._state.clock
        reading = Reading(
            wall_us=self._clock.now_us(),
            monotonic_us=self._clock.monotonic_us(),
            boot_id=self._boot_id,
            synchronised=self._synchronised() is True,
        )
        clock = look(before, reading)
        changed = before is None or (clock.doubt_us is None) is not (before.doubt_us is None)
        due = self._saved_us is None or reading.monotonic_us - self._saved_us >= _SAVE_US
        self._state = replace(self._state, clock=clock)
        if changed or due:
            await self._save()

    async def confirm(self) -> None:
        """Believe it as it is."""
        await self.look()
        if self._state.clock is not None:
            self._state = replace(self._state, clock=confirmed(self._state.clock))
        await self._save()

    async def remind(self, reminded: dict[str, int]) -> None:
        """Remember of which reviews somebody was reminded."""
        if reminded != self._state.reminded:
            self._state = replace(self._state, reminded=reminded)
            await self._save()

    async def _save(self) -> None:
        self._saved_us = self._clock.monotonic_us()
        try:
            await asyncio.to_thread(save_state, self._folder, self._state)
        except OSError as error:
            _LOGGER.error("What is thought of the clock cannot be kept: %s", error.strerror)  # noqa: TRY400  # it says all
