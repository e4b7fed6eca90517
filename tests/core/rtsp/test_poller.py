"""The sweep over all streams, by a clock that the test turns: who is read when, and whose trouble is whose."""

from __future__ import annotations

import asyncio
import random
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from recorder_core.rtsp import Poller
from tests.core.storage.store import ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable


class Stream:
    """Counts its polls; `rate` is the bytes that come per microsecond."""

    def __init__(self, clock: ManualClock, rate: float = 0.0) -> None:
        """Begin without any poll."""
        self.times: list[int] = []
        self.errors: list[Exception] = []
        self.on_poll: Callable[[], None] = lambda: None
        self.rate = rate
        self._clock = clock

    def poll(self, buffer: bytearray, view: memoryview, now_us: int) -> int:
        """Note the time."""
        assert len(buffer) == len(view) + 64
        assert now_us == self._clock.monotonic_us()
        before = self.times[-1] if self.times else now_us
        self.times.append(now_us)
        self.on_poll()
        return min(int((now_us - before) * self.rate), len(view))

    def failed(self, error: Exception) -> None:
        """Note the error."""
        self.errors.append(error)

    def intervals(self) -> list[int]:
        """Return the microseconds between polls."""
        return [after - before for before, after in pairwise(self.times)]


class Sweeper:
    """A poller whose timer the test turns: it sweeps each millisecond of the manual clock, as the loop would."""

    def __init__(self, seed: int = 1) -> None:
        """Begin without streams."""
        self.clock = ManualClock()
        self.poller = Poller(self.clock, jitter=random.Random(seed))

    def stream(self, rate: float = 0.0) -> Stream:
        """Add a stream."""
        stream = Stream(self.clock, rate)
        self.poller.add(stream)
        return stream

    def run(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(int(seconds * 1000)):
            self.clock.mono_us += 1000
            due = min((entry.due_us for entry in self.poller._entries.values()), default=None)
            if due is not None and due <= self.clock.mono_us:
                self.poller._sweep()


@pytest.fixture
async def sweeper() -> AsyncGenerator[Sweeper]:
    """A poller that is left without streams, and so without a timer."""
    sweeper = Sweeper()
    yield sweeper
    for stream in list(sweeper.poller._entries):
        sweeper.poller.remove(stream)


async def test_how_often_depends_on_how_much_comes(sweeper: Sweeper) -> None:
    """Quickly while a stream is young; then the less often the less comes, but never so seldom that much is lost."""
    quick, slow, silent = sweeper.stream(8.0), sweeper.stream(1.0), sweeper.stream()
    sweeper.run(1.9)
    for stream in (quick, slow, silent):
        assert max(stream.intervals()) <= 31_000
    sweeper.run(8)
    for stream, least, most in ((quick, 25_000, 34_000), (slow, 110_000, 270_000), (silent, 130_000, 321_000)):
        late = stream.intervals()[-15:]
        assert least <= min(late)
        assert max(late) <= most


async def test_never_in_step_with_anything(sweeper: Sweeper) -> None:
    """Else a camera's pictures could always just have been missed."""
    stream = sweeper.stream()
    sweeper.run(20)
    assert len(set(stream.intervals()[-20:])) > 8


async def test_streams_are_read_together(sweeper: Sweeper) -> None:
    streams = [sweeper.stream(0.5 + 0.01 * at) for at in range(10)]
    sweeper.run(10)
    last = {stream.times[-1] for stream in streams}
    assert len(last) == 1


async def test_the_trouble_of_one_stream_is_its_own(sweeper: Sweeper, caplog: pytest.LogCaptureFixture) -> None:
    good, bad, worse = sweeper.stream(), sweeper.stream(), sweeper.stream()
    fault = ValueError("broken")

    def break_down() -> None:
        raise fault

    def refuse_to_end(error: Exception) -> None:
        raise RuntimeError from error

    sweeper.run(0.2)
    bad.on_poll = worse.on_poll = break_down
    worse.failed = refuse_to_end  # type: ignore[method-assign]  # what a stream's owner may do wrong
    polls = len(bad.times)
    sweeper.run(1)
    assert bad.errors == [fault]
    assert len(bad.times) == len(worse.times) == polls + 1
    assert len(good.times) > 25
    assert "could not be ended" in caplog.text


async def test_nothing_is_polled_after_its_removal(sweeper: Sweeper) -> None:
    """Not even in the same sweep, when the removal follows from what another stream brought."""
    first, second = sweeper.stream(), sweeper.stream()
    sweeper.run(0.1)

    def fail_and_remove() -> None:
        sweeper.poller.remove(first)
        sweeper.poller.remove(second)
        raise ValueError

    first.on_poll = fail_and_remove
    polls = len(second.times)
    sweeper.run(1)
    assert len(second.times) == polls
    assert sweeper.poller._timer is None
    sweeper.poller.remove(second)


async def test_the_loop_turns_the_timer() -> None:
    """With the real loop: added, polled again and again, removed."""
    clock = ManualClock()
    poller = Poller(clock)
    stream = Stream(clock)
    polled = asyncio.Event()

    def note() -> None:
        clock.mono_us += 400_000
        if len(stream.times) == 3:
            poller.remove(stream)
            polled.set()

    stream.on_poll = note
    poller.add(stream)
    async with asyncio.timeout(60):
        await polled.wait()
    assert len(stream.times) == 3
    assert poller._timer is None
