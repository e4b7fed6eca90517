"""A clock for a whole recorder: weeks pass in steps, and whoever sleeps is woken in the order of time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

START_US = 1_800_000_000_000_000
"""2027-01-15 08:00 UTC."""


class SteppedClock:
    """Wall and monotonic time that a test moves on; `step` moves the wall clock alone."""

    def __init__(self, wall_us: int = START_US) -> None:
        """Begin at a wall time."""
        self._wall_us = wall_us
        self._running_us = 1_000_000
        self._sleepers: list[tuple[int, asyncio.Future[None]]] = []

    def now_us(self) -> int:
        """Return the wall time."""
        return self._wall_us

    def monotonic_us(self) -> int:
        """Return the monotonic time."""
        return self._running_us

    async def sleep(self, seconds: float) -> None:
        """Wait until so much time has been let pass."""
        future = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._running_us + round(seconds * 1_000_000), future))
        await future

    def pass_by(self, seconds: float) -> None:
        """Let time pass at once."""
        self._wall_us += round(seconds * 1_000_000)
        self._running_us += round(seconds * 1_000_000)
        due = [future for at_us, future in self._sleepers if at_us <= self._running_us]
        self._sleepers = [(at_us, future) for at_us, future in self._sleepers if at_us > self._running_us]
        for future in due:
            if not future.done():
                future.set_result(None)

    def step(self, seconds: float) -> None:
        """Set the wall clock forward, or back."""
        self._wall_us += round(seconds * 1_000_000)

    async def pass_until(self, reached: Callable[[], bool], seconds: float) -> None:
        """Let so many seconds pass again and again, with all that follows from each step, until something holds."""
        async with asyncio.timeout(60):
            while not reached():
                self.pass_by(seconds)
                await asyncio.sleep(0.01)
