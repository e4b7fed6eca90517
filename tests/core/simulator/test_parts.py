"""Small parts: waiting, logs, faults as a set."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import TYPE_CHECKING

from recorder_core.simulator import FrameRecord, LosePackets, Quirk
from recorder_core.simulator.faults import FaultBox, Garbage
from recorder_core.simulator.frame_log import FileLog, MemoryLog
from recorder_core.simulator.rtp import PreparedFrame
from recorder_core.simulator.session import Session
from recorder_core.simulator.timing import wall_at
from recorder_core.simulator.waiting import Bell

from .clocks import START_US, ManualClock

if TYPE_CHECKING:
    from pathlib import Path


def record(serial: int) -> FrameRecord:
    """A frame of camera 3."""
    return FrameRecord("door", 3, serial, 1_790_000_000_000_000 + serial, serial == 0, 1234, 1)


async def test_a_bell_wakes_only_those_whose_condition_holds() -> None:
    bell, reached = Bell(), 0

    def has_reached(goal: int) -> bool:
        return reached >= goal

    waiters = [asyncio.create_task(bell.wait(partial(has_reached, goal))) for goal in (0, 1, 2)]
    abandoned = asyncio.create_task(bell.wait(lambda: False))
    await waiters[0]
    # One who gave up, and has not yet run to its end, is not in the way.
    await asyncio.sleep(0)
    abandoned.cancel()
    reached = 1
    bell.ring()
    await waiters[1]
    assert not waiters[2].done()
    reached = 2
    bell.ring()
    await waiters[2]
    assert (await asyncio.gather(abandoned, return_exceptions=True))[0].__class__ is asyncio.CancelledError


def test_a_memory_log_forgets_the_oldest() -> None:
    log = MemoryLog(limit=3)
    for serial in range(5):
        log.add(record(serial))
    log.close()
    assert [entry.serial for entry in log.records] == [2, 3, 4]


def test_a_file_log_goes_on_where_it_ended(tmp_path: Path) -> None:
    path = tmp_path / "frames.jsonl"
    for serial in range(2):
        log = FileLog(path)
        log.add(record(serial))
        log.close()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines == [
        {
            "name": "door",
            "camera": 3,
            "serial": serial,
            "time_us": 1_790_000_000_000_000 + serial,
            "sync": serial == 0,
            "size": 1234,
            "receivers": 1,
            "digest": "",
        }
        for serial in range(2)
    ]


def test_of_one_kind_of_fault_the_latest_is_in_force() -> None:
    faults = FaultBox()
    for fault in (LosePackets(3), Quirk.STALL, LosePackets(5)):
        faults.add(fault)
    assert faults.get(LosePackets) == LosePackets(5)
    assert faults.get(Garbage) is None
    assert Quirk.STALL in faults
    assert Quirk.REFUSE not in faults
    faults.clear()
    assert faults.get(LosePackets) is None
    assert Quirk.STALL not in faults


def test_a_session_without_video_is_sent_none() -> None:
    frame = PreparedFrame(0, 0, 0, sync=True, size=1, wire=b"$\0\0\1a", offsets=(0,))
    assert Session(60_000_000, 0).send_video(frame, FaultBox()) == (0, 0)


def test_a_reading_that_took_long_is_repeated() -> None:
    """Set aside for 50 ms between reading one clock and the other, one would be 25 ms wrong."""

    class BusyMachine(ManualClock):
        reads = 0

        def now_us(self) -> int:
            self.reads += 1
            if self.reads == 1:
                self.advance(0.05)
            return super().now_us()

    clock = BusyMachine()
    assert wall_at(clock, 20_000) == START_US + 20_000
    assert clock.reads == 2
