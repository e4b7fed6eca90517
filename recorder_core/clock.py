"""The one door to time: everything that waits or reads a clock takes a `Clock`, so tests run a month in a second."""

from __future__ import annotations

import asyncio
import ctypes
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


def wall_minus_monotonic_us(clock: Clock) -> int:
    """Return the offset between the two clocks; the quickest of three readings is the least disturbed one."""
    readings = []
    for _ in range(3):
        before = clock.monotonic_us()
        wall = clock.now_us()
        after = clock.monotonic_us()
        readings.append((after - before, wall - (before + after) // 2))
    return min(readings)[1]


_STA_UNSYNC = 0x0040
"""<sys/timex.h>: nothing disciplines the kernel's clock."""

_TIME_ERROR = 5


def host_synchronised() -> bool | None:
    """Whether something (NTP, PTP) disciplines this host's clock, by adjtimex(2); None if the kernel does not say."""
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except OSError, AttributeError:
        return None
    # `modes` = 0 only reads; `status` stands behind it and four longs: offset, freq, maxerror, esterror.
    timex = (ctypes.c_char * 256)()
    state = adjtimex(timex)
    if state < 0:
        return None
    status = ctypes.c_int.from_buffer(timex, 5 * ctypes.sizeof(ctypes.c_long)).value
    return state != _TIME_ERROR and not status & _STA_UNSYNC
