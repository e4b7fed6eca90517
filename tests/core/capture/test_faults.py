"""Cameras at their worst, by the simulator: what is lost is in a gap with its reason, and the rest is on the disk."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from recorder_core.capture import run as run_module
from recorder_core.errors import ErrorCode
from recorder_core.models import CameraState
from recorder_core.simulator import (
    ChangeSsrc,
    ChangeVideo,
    Disconnect,
    Garbage,
    JumpSequence,
    JumpTimestamp,
    LosePackets,
    Quirk,
    ReorderPackets,
    VideoCodec,
)
from recorder_core.storage.records import GapReason

from .house import EARLY_US, LATE_US, QUICK, camera, consecutive, house

if TYPE_CHECKING:
    from pathlib import Path

    from recorder_core.simulator import Fault


@pytest.mark.parametrize(
    ("codec", "faults"),
    [
        (VideoCodec.H264, (Garbage(300), Quirk.NO_MARKERS)),
        (VideoCodec.H264, (Quirk.CHATTER, Quirk.ABSOLUTE_CONTROL, Quirk.NO_CONTENT_BASE)),
        (VideoCodec.H264, (Quirk.WRONG_CHANNEL, Quirk.NO_PARAMETER_SETS, Quirk.WRONG_CONTENT_TYPE)),
        (VideoCodec.H264, (Quirk.SHARED_TIMESTAMPS,)),
        (VideoCodec.H265, (Garbage(300), Quirk.CHATTER, Quirk.NO_PARAMETER_SETS)),
    ],
    ids=["garbage", "chatter", "wrong_channel", "shared_timestamps", "h265"],
)
async def test_bad_manners_cost_no_picture(tmp_path: Path, codec: VideoCodec, faults: tuple[Fault, ...]) -> None:
    async with house(tmp_path, camera(video=replace(QUICK, codec=codec), faults=faults, mtu=500)) as home:
        recorder = home.record()
        await home.run()
        await home.simulator.wait_frames("entrance", 15)
        assert recorder.status.packets_lost == 0
        await home.stop()
        assert consecutive(await home.serials())
        account = home.where.sink.account("entrance")
        assert account.opened == [GapReason.CONNECTING, GapReason.DISABLED]
        assert (account.lost, len(account.runs)) == ([], 1)


async def test_a_connection_that_is_lost(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        recorder = home.record()
        await home.run()
        await home.simulator.apply("entrance", Disconnect())
        await home.gap(GapReason.CONNECTION_LOST)
        assert recorder.status.state is CameraState.RETRYING
        await home.run(2)
        await home.stop()
        files = await home.codes()
        assert len(files) == 2
        assert all(consecutive([code.serial for code in file]) for file in files)
        account = home.where.sink.account("entrance")
        assert account.opened == [GapReason.CONNECTING, GapReason.CONNECTION_LOST, GapReason.DISABLED]
        assert [reason for _, reason in account.ends] == [GapReason.CONNECTION_LOST, GapReason.DISABLED]
        lost = next(gap for gap in await home.where.gaps("entrance") if gap.reason is GapReason.CONNECTION_LOST)
        first, second = await home.where.segments("entrance")
        assert (lost.start_us, lost.end_us) == (first.end_us, second.start_us)


async def test_a_camera_that_falls_silent(tmp_path: Path) -> None:
    """A machine that stands still for so long looks the same from here: then there are more runs, as many as gaps."""
    async with house(tmp_path) as home:
        recorder = home.record(stall_timeout_s=1.0)
        await home.run()
        await home.simulator.apply("entrance", Quirk.STALL)
        await home.until(lambda: recorder.status.state is CameraState.RETRYING)
        assert recorder.status.problem is not None
        assert recorder.status.problem.code is ErrorCode.STALLED
        seconds = recorder.status.problem.placeholders["seconds"]
        assert isinstance(seconds, int)
        assert seconds >= 1
        account = home.where.sink.account("entrance")
        runs = len(account.runs)
        await home.simulator.clear("entrance")
        await home.run(runs + 1)
        await home.stop()
        assert account.opened == [
            GapReason.CONNECTING,
            *[GapReason.STALLED] * (len(account.runs) - 1),
            GapReason.DISABLED,
        ]
        assert len(await home.where.segments("entrance")) == len(account.runs) >= 2


async def test_lost_packets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run goes on; every packet is counted, and the gap says how many."""
    monkeypatch.setattr(run_module, "_LOSS_QUIET", 9000)
    async with house(tmp_path, camera(mtu=300)) as home:
        recorder = home.record()
        await home.run()
        await home.simulator.apply("entrance", LosePackets(13))
        await home.simulator.wait_frames("entrance", 20)
        await home.simulator.clear("entrance")
        await home.simulator.wait_frames("entrance", 20)
        await home.gap(GapReason.PACKET_LOSS)
        await home.stop()
        counters = home.simulator.counters("entrance")
        account = home.where.sink.account("entrance")
        assert recorder.status.packets_lost == counters.packets_lost > 0
        assert sum(int(lost[3].split()[0]) for lost in account.lost) == counters.packets_lost
        assert len(account.runs) == 1
        (segment,) = await home.where.segments("entrance")
        assert segment.packets_lost == counters.packets_lost
        # What was sent in the time of the gap is all that may be missing; the recorder dates both by when they came.
        [error_us] = await home.clock_errors()
        sent = {record.time_us + error_us: record.serial for record in home.simulator.frames if record.receivers}
        stored = set(await home.serials(damaged=True))
        begin, end = account.lost[0][0] - 200_000, account.lost[-1][1] + 200_000
        missing = [at for at, serial in sent.items() if min(stored) < serial < max(stored) and serial not in stored]
        assert all(begin <= at <= end for at in missing)


async def test_packets_in_another_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "_LOSS_QUIET", 9000)
    async with house(tmp_path, camera(mtu=300)) as home:
        recorder = home.record()
        await home.run()
        await home.simulator.apply("entrance", ReorderPackets(3))
        await home.simulator.wait_frames("entrance", 2 * QUICK.gop)  # only a sync sample needs so many packets
        await home.simulator.clear("entrance")
        await home.simulator.wait_frames("entrance", 20)
        await home.gap(GapReason.PACKET_LOSS)
        await home.stop()
        assert recorder.status.packets_lost > 0
        assert len(home.where.sink.account("entrance").runs) == 1


@pytest.mark.parametrize("by", [20, -3000])
async def test_sequence_numbers_that_jump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: int) -> None:
    """Forward it is a loss; back it takes some packets until it is believed, and these are lost."""
    monkeypatch.setattr(run_module, "_LOSS_QUIET", 9000)
    async with house(tmp_path) as home:
        recorder = home.record()
        await home.run()
        await home.simulator.apply("entrance", JumpSequence(by))
        await home.simulator.wait_frames("entrance", 20)
        await home.gap(GapReason.PACKET_LOSS)
        await home.stop()
        assert recorder.status.packets_lost == (by if by > 0 else 7)
        account = home.where.sink.account("entrance")
        assert len(account.runs) == 1
        assert consecutive(await home.serials(damaged=by < 0)) is (by > 0)


@pytest.mark.parametrize(
    "event", [ChangeSsrc(), JumpTimestamp(3 * 3600 * 90_000), JumpTimestamp(-90_000 * 30), JumpTimestamp(90_000 * 6)]
)
async def test_time_lines_that_end(tmp_path: Path, event: Fault) -> None:
    async with house(tmp_path) as home:
        home.record()
        await home.run()
        await home.simulator.apply("entrance", event)
        await home.run(2)
        await home.stop()
        account = home.where.sink.account("entrance")
        assert account.opened == [GapReason.CONNECTING, GapReason.TIMESTAMP_JUMP, GapReason.DISABLED]
        files = await home.codes()
        assert len(files) == 2
        assert all(consecutive([code.serial for code in file]) for file in files)
        # Between two sync samples and no more.
        assert files[1][0].serial - files[0][-1].serial <= 2 * QUICK.gop
        # The second run's time is as true as the first one's.
        assert all(EARLY_US < error < LATE_US for error in await home.clock_errors())


async def test_a_clock_of_32_bits_that_begins_anew(tmp_path: Path) -> None:
    async with house(tmp_path, camera(first_timestamp=(1 << 32) - 100_000)) as home:
        home.record()
        await home.run()
        await home.simulator.wait_frames("entrance", 25)
        await home.stop()
        assert consecutive(await home.serials())
        assert len(home.where.sink.account("entrance").runs) == 1


@pytest.mark.parametrize("to", [replace(QUICK, width=352, height=208), replace(QUICK, b_frames=2, gop=6)])
async def test_another_encoding(tmp_path: Path, to: object) -> None:
    """A new run with an init segment of its own, from the very next picture on."""
    async with house(tmp_path) as home:
        recorder = home.record()
        await home.run()
        await home.simulator.apply("entrance", ChangeVideo(to))  # type: ignore[arg-type]  # the parameters are settings
        await home.run(2)
        assert recorder.status.state is CameraState.RECORDING
        await home.stop()
        account = home.where.sink.account("entrance")
        assert account.opened == [GapReason.CONNECTING, GapReason.PARAMETER_CHANGE, GapReason.DISABLED]
        # A recording may end between reordered pictures.
        assert consecutive((await home.serials())[:-3])


@pytest.mark.parametrize("step_us", [3_600_000_000, -3_600_000_000])
async def test_the_wall_clock_steps(tmp_path: Path, step_us: int) -> None:
    """Nothing is lost over it: the frame codes of both runs together have no hole."""
    async with house(tmp_path) as home:
        recorder = home.record()
        await home.run()
        home.clock.step_us = step_us
        await home.run(2)
        await recorder.stop(GapReason.DISABLED)
        await home.where.settle()
        account = home.where.sink.account("entrance")
        assert account.opened == [GapReason.CONNECTING, GapReason.CLOCK_STEP, GapReason.DISABLED]
        files = await home.codes()
        files.sort(key=lambda file: file[0].serial)
        assert consecutive([code.serial for file in files for code in file])
        errors = sorted(await home.clock_errors())
        assert errors[1] - errors[0] == pytest.approx(3_600_000_000, abs=LATE_US)


async def test_a_disk_that_hangs(tmp_path: Path) -> None:
    """The memory is bounded, the gap says why, and recording goes on when the disk does."""
    gate = threading.Event()
    async with house(tmp_path, max_backlog_bytes=15_000) as home:
        recorder = home.record()
        home.where.index.post(lambda _: gate.wait(60))
        await home.until(lambda: recorder.status.state is CameraState.STORAGE_FAILED)
        assert home.where.sink.account("entrance").opened[-1] is GapReason.STORAGE_STALLED
        gate.set()
        runs = len(home.where.sink.account("entrance").runs)
        await home.run(runs + 1)
        await home.stop()
        assert all(consecutive([code.serial for code in file]) for file in await home.codes())
