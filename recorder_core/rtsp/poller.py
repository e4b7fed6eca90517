"""Reads all cameras' streams a few times a second in one sweep, instead of waking up for every packet.

At 4 Mbit/s a camera sends four hundred packets a second; waking for each costs more than all the work behind it. So
the kernel holds what comes, and a sweep empties one socket after the other into one shared buffer, while code and
buffer are warm in the processor's caches. How often is a matter of the stream: often enough that a read stays near
`_READ_BYTES`, quickly while a stream is young (its first packets set the run's clock), and never in step with the
frame rate.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from recorder_core.clock import Clock

_LOGGER = logging.getLogger(__name__)

BUFFER_BYTES = 512 << 10
BUFFER_SLACK = 64
"""Bytes behind the buffer's end that a header may be unpacked from before its length is known."""

_READ_BYTES = 256 << 10
_SHORTEST_US = 30_000
_LONGEST_US = 400_000
"""What is not read yet is lost with the process, on top of the open fragment; so no read may wait for long."""

_YOUNG_US = 2_000_000
_EARLY = 0.5
"""A stream is taken along in a sweep if at least this part of its interval has passed: fewer sweeps, each with more
to do."""


class Pollable(Protocol):
    """A stream that is read without waiting."""

    def poll(self, buffer: bytearray, view: memoryview, now_us: int) -> int:
        """Read and digest what has come, through the shared buffer; return the number of bytes."""
        ...

    def failed(self, error: Exception) -> None:
        """Take the error that `poll` raised; the stream is polled no more."""
        ...


class _Entry:
    __slots__ = ("born_us", "due_us", "interval_us", "last_us", "rate", "stream")

    def __init__(self, stream: Pollable, now_us: int) -> None:
        self.stream = stream
        self.born_us = now_us
        self.last_us = now_us
        self.due_us = now_us
        self.interval_us = 0
        self.rate = 0.0  # bytes per microsecond, smoothed


class Poller:
    """Polls every stream that is added, on the running event loop."""

    def __init__(self, clock: Clock, *, jitter: random.Random | None = None) -> None:
        """Share one receive buffer among all streams."""
        self.buffer = bytearray(BUFFER_BYTES + BUFFER_SLACK)
        self._view = memoryview(self.buffer)[:BUFFER_BYTES]
        self._clock = clock
        self._jitter = jitter or random.Random()  # noqa: S311 - no secret, only a varied interval
        self._entries: dict[Pollable, _Entry] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, stream: Pollable) -> None:
        """Begin to poll a stream."""
        self._entries[stream] = _Entry(stream, self._clock.monotonic_us())
        self._schedule()

    def remove(self, stream: Pollable) -> None:
        """Stop polling a stream; no harm if it is not polled."""
        if self._entries.pop(stream, None) is not None:
            self._schedule()

    def _schedule(self) -> None:
        """Set the timer to the first stream that is due."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._entries:
            due = min(entry.due_us for entry in self._entries.values())
            wait = max(due - self._clock.monotonic_us(), 0) / 1_000_000
            self._timer = asyncio.get_running_loop().call_later(wait, self._sweep)

    def _sweep(self) -> None:
        now = self._clock.monotonic_us()
        jitter = self._jitter.uniform(0.85, 1.0)
        for entry in list(self._entries.values()):
            if entry.due_us - entry.interval_us * _EARLY <= now:
                self._poll(entry, jitter)
        self._schedule()

    def _fail(self, stream: Pollable, error: Exception) -> None:
        try:
            stream.failed(error)
        except Exception:
            _LOGGER.exception("A stream that failed could not be ended")

    def _poll(self, entry: _Entry, jitter: float) -> None:
        if self._entries.get(entry.stream) is not entry:
            return  # removed over what came from another one
        now = self._clock.monotonic_us()
        try:
            count = entry.stream.poll(self.buffer, self._view, now)
        except Exception as error:  # noqa: BLE001 - one camera's fault, of whatever kind, must not touch the others
            self._entries.pop(entry.stream, None)
            self._fail(entry.stream, error)
            return
        elapsed = max(now - entry.last_us, 1)
        entry.rate += (count / elapsed - entry.rate) * 0.25
        entry.last_us = now
        longest = _LONGEST_US if now - entry.born_us > _YOUNG_US else _SHORTEST_US
        wanted = min(max(_READ_BYTES / max(entry.rate, 1e-6), _SHORTEST_US), longest)
        entry.interval_us = int(wanted * jitter)
        entry.due_us = now + entry.interval_us
