"""What an export is made of: footage up to what is just being written, and the gaps between."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.models import CameraState, ExportRequest, FeedItem, GapView, Settings, SweepHalt
from recorder_core.service.archive import ServiceArchive, Store, _clipped
from recorder_core.service.footage import _cut
from recorder_core.simulator import LosePackets, Simulator
from recorder_core.storage.records import FragmentSpan, GapReason, Segment
from tests.core.storage.store import ManualClock

from .rig import camera, config_of, followed, holes, served, state_reached, stored, use_volume

if TYPE_CHECKING:
    from recorder_core.service.footage import Footage
    from recorder_core.service.index_thread import IndexThread
    from recorder_core.service.volumes import Volumes


def _gap(start_us: int, end_us: int | None) -> GapView:
    return GapView(start_us=start_us, end_us=end_us, reason=GapReason.STALLED, detail="why", camera_id="lobby")


@pytest.mark.parametrize(
    ("gap", "clipped"),
    [
        (_gap(0, 30), _gap(10, 20)),
        (_gap(12, 15), _gap(12, 15)),
        (_gap(12, None), _gap(12, 20)),
        (_gap(0, 10), None),
        (_gap(20, None), None),
    ],
)
def test_gaps_are_told_as_far_as_they_concern_the_interval(gap: GapView, clipped: GapView | None) -> None:
    assert _clipped(gap, 10, 20) == clipped


@pytest.mark.parametrize(
    ("reached", "waited_s"),
    [
        ([None], 0.0),
        ([100], 0.0),
        ([50, 60, 100], 0.4),
        ([50], 3.0),
    ],
)
async def test_what_is_just_being_written_is_waited_for_but_not_for_ever(
    reached: list[int | None], waited_s: float
) -> None:
    clock = ManualClock()
    answers = iter(reached)
    last: list[int | None] = []

    def recorded_until(_: str) -> int | None:
        last.append(next(answers, last[-1] if last else None))
        return last[-1]

    footage = cast("Footage", SimpleNamespace(recorded_until=recorded_until))
    store = Store(Path(), "", Settings, lambda: None, lambda: None)
    archive = ServiceArchive(cast("IndexThread", None), footage, cast("Volumes", None), clock, store)
    await archive._written("lobby", 100)
    assert clock.monotonic_us() == pytest.approx(waited_s * 1_000_000)


@pytest.mark.parametrize(("halt", "may_delete"), [(None, True), (SweepHalt.CLOCK, True), (SweepHalt.HOLDS, False)])
def test_what_halts_the_sweep_halts_the_removal_of_exports(halt: SweepHalt | None, *, may_delete: bool) -> None:
    store = Store(Path(), "", Settings, lambda: halt, lambda: None)
    nothing = (cast("IndexThread", None), cast("Footage", None), cast("Volumes", None))
    archive = ServiceArchive(*nothing, ManualClock(), store)
    assert archive.may_delete() is may_delete


def _tells_of_loss(item: FeedItem) -> bool:
    return item.event is not None and item.event.data.get("reason") == GapReason.PACKET_LOSS


async def test_a_clip_over_lost_packets_tells_of_the_gap(data: Path) -> None:
    async with Simulator([camera()]) as simulator, served(data) as (_, client):
        await use_volume(client, data / "footage")
        await client.put_camera(config_of(simulator))
        await state_reached(client, CameraState.RECORDING)
        async with followed(client, _tells_of_loss) as following:
            await simulator.apply("lobby", LosePackets(every=7))
            await stored(client, seconds=2.5)
            await simulator.clear("lobby")
        event = following.result()[-1].event
        assert event is not None
        start_us, end_us = event.data["start_us"], event.data["end_us"]
        assert isinstance(start_us, int)
        assert isinstance(end_us, int)
        assert start_us < end_us
        coverage = await stored(client)
        assert holes(coverage) == []
        request = ExportRequest(camera_id="lobby", start_us=start_us - 200_000, end_us=end_us)
        job = await client.export_job((await client.export(request)).export_id, wait_s=60)
    assert (GapReason.PACKET_LOSS, "lobby") in [(gap.reason, gap.camera_id) for gap in job.gaps]


def _segment(size: int) -> Segment:
    return Segment(
        segment_id=1,
        camera_id="a",
        run_id="r",
        volume_id="v",
        path="file.mp4",
        start_us=0,
        wall_duration_us=1,
        media_duration=1,
        size=size,
        root=b"",
        fragments=(FragmentSpan(10, size - 10, 90_000, sync=True),),
        samples=1,
    )


def test_a_file_that_cannot_be_read_says_so(data: Path) -> None:
    with pytest.raises(RecorderError) as caught:
        _cut(data / "file.mp4", _segment(100), 0)
    assert caught.value.code is ErrorCode.VOLUME_MISSING
