"""A clock that moves only when a test says so."""

from __future__ import annotations

import asyncio

START_US = 1_790_000_000_000_000


class ManualClock:
    """Wall and monotonic time that advance together; sleepers wake when their time has come."""

    def __init__(self) -> None:
        """Start at a fixed moment."""
        self._elapsed_us = 0
        self._sleepers: list[tuple[int, asyncio.Future[None]]] = []
        self._asleep = asyncio.Event()

    def now_us(self) -> int:
        """UTC in microseconds."""
        return START_US + self._elapsed_us

    def monotonic_us(self) -> int:
        """Microseconds since the start."""
        return self._elapsed_us

    async def sleep(self, seconds: float) -> None:
        """Wait for `advance`."""
        future = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._elapsed_us + round(seconds * 1_000_000), future))
        self._asleep.set()
        await future

    async def somebody_sleeps(self) -> None:
        """Wait until the first sleeper has come."""
        await self._asleep.wait()

    def advance(self, seconds: float) -> None:
        """Let that much time pass at once."""
        self._elapsed_us += round(seconds * 1_000_000)
        for due_us, future in self._sleepers:
            if due_us <= self._elapsed_us and not future.done():
                future.set_result(None)
        self._sleepers = [entry for entry in self._sleepers if not entry[1].done()]
