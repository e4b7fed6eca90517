"""What the wall clock said at a moment of the monotonic clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recorder_core.clock import Clock

_AT_ONCE_US = 200


def wall_at(clock: Clock, moment_us: int) -> int:
    """UTC in microseconds at a recent moment of the monotonic clock, right to a tenth of a millisecond.

    The two clocks are read one after the other. On a busy machine the process may be set aside in between, so a
    reading that took long is repeated.
    """
    while True:
        before_us = clock.monotonic_us()
        wall_us = clock.now_us()
        after_us = clock.monotonic_us()
        if after_us - before_us <= _AT_ONCE_US:
            return wall_us + moment_us - (before_us + after_us) // 2
