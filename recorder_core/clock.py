"""The one door to time: everything that waits or reads a clock takes a `Clock`, so tests run a month in a second."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Wall and monotonic time in microseconds, and waiting."""

    def now_us(self) -> int:
        """The wall clock: UTC in microseconds since 1970."""
        ...

    def monotonic_us(self) -> int:
        """A clock that never steps, in microseconds since an arbitrary moment."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for that long on the monotonic clock."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now_us(self) -> int:
        """UTC in microseconds since 1970."""
        return time.time_ns() // 1000

    def monotonic_us(self) -> int:
        """CLOCK_MONOTONIC in microseconds."""
        return time.monotonic_ns() // 1000

    async def sleep(self, seconds: float) -> None:
        """Wait on the running event loop."""
        await asyncio.sleep(seconds)
