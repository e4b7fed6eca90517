"""A time line that ends, jumps or pauses, and the clocks of camera and host, with a scripted camera."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from recorder_core.media import TIMESCALE
from recorder_core.storage.records import GapReason
from tests.core.storage.store import T0, S

from .studio import CAMERA, FPS, GOP, STEP, Studio

if TYPE_CHECKING:
    from .sink import Place


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("jump", [11 * TIMESCALE, -3 * TIMESCALE, 5 * TIMESCALE, 1 << 40])
async def test_a_time_line_that_jumps_ends_the_run(where: Place, jump: int, *, together: bool) -> None:
    """Whether or not the jump is read together with what precedes and follows it; the wall clock stays true."""
    studio = Studio(where)
    studio.take(17)
    before, studio.media = studio.unit(), studio.media + STEP + jump
    after = [studio.unit() for _ in range(9)]
    for units in [[before, *after]] if together else [[one] for one in (before, *after)]:
        studio.recording.on_units(units)
    await studio.end()
    # Number 18 is no sync sample: the next run begins with 20.
    assert await studio.numbers() == [list(range(18)), list(range(20, 27))]
    assert where.sink.account(CAMERA).opened == [GapReason.CONNECTING, GapReason.TIMESTAMP_JUMP, GapReason.DISABLED]
    assert await studio.covered()
    first, second = await where.segments(CAMERA)
    assert first.start_us == T0 + S // FPS
    # Read together, the second run's pictures seem as late as the last of them is.
    assert second.start_us == T0 + 21 * S // FPS


async def test_a_jump_in_the_first_second_leaves_the_clock_alone(where: Place) -> None:
    studio = Studio(where)
    first = [studio.unit() for _ in range(3)]
    studio.media += 3600 * TIMESCALE
    studio.recording.on_units([*first, studio.unit()])
    studio.take(9)
    await studio.end()
    segments = await where.segments(CAMERA)
    assert [one.start_us for one in segments] == [T0 + S // FPS, T0 + 6 * S // FPS]


@pytest.mark.parametrize("seconds", [2, 9])
async def test_a_pause_is_no_jump(where: Place, seconds: int) -> None:
    """A camera that sends nothing while nothing moves goes on with its run."""
    studio = Studio(where)
    studio.take(10)
    studio.media += seconds * TIMESCALE
    studio.clock.mono_us += seconds * S
    studio.clock.wall_us += seconds * S
    studio.take(10)
    await studio.end()
    assert await studio.numbers() == [list(range(20))]
    assert len(where.sink.account(CAMERA).runs) == 1
    assert await studio.covered()


async def test_another_source_begins_another_run(where: Place) -> None:
    studio = Studio(where)
    studio.take(10)
    studio.recording.on_report(T0, studio.media, studio.clock.mono_us)
    studio.recording.on_units([studio.unit(discontinuity=True)])
    studio.take(8)
    await studio.end()
    assert await studio.numbers() == [list(range(10)), list(range(10, 19))]
    assert where.sink.account(CAMERA).ends[0][1] == GapReason.TIMESTAMP_JUMP


async def test_pictures_that_a_camera_kept_back_do_not_make_the_run_late(where: Place) -> None:
    """Some begin with the last seconds at once: only the latest of them has just been taken."""
    studio = Studio(where)
    burst = [studio.unit() for _ in range(20)]
    now_us = studio.clock.mono_us
    studio.recording.on_units([replace(one, arrival_us=now_us) for one in burst])
    studio.take(5)
    await studio.end()
    (segment,) = await where.segments(CAMERA)
    assert segment.start_us == T0 + S // FPS


@pytest.mark.parametrize("step_us", [3600 * S, -3600 * S, 400_000])
async def test_a_step_of_the_wall_clock(where: Place, step_us: int) -> None:
    """A new run at the next sync sample with the new time; nothing is lost, what overlaps is kept."""
    studio = Studio(where)
    studio.take(12)
    studio.clock.wall_us += step_us
    studio.take(20)
    end_us = await studio.end()
    numbers = await studio.numbers()
    assert [one for file in sorted(numbers) for one in file] == list(range(32))
    assert len(numbers) == 2
    assert all(file[0] % GOP == 0 for file in numbers)
    account = where.sink.account(CAMERA)
    assert account.opened == [GapReason.CONNECTING, GapReason.CLOCK_STEP, GapReason.DISABLED]
    assert [reason for _, reason in account.ends] == [GapReason.CLOCK_STEP, GapReason.DISABLED]
    assert end_us == studio.clock.now_us() + S // FPS
    step = [gap for gap in await studio.gaps() if gap[0] is GapReason.CLOCK_STEP]
    if step_us < 0:
        assert step == []  # nothing is missing: an hour is there twice
    else:
        ((_, begin, end),) = step
        assert end is not None
        assert end - begin == step_us


async def test_a_clock_that_only_trembles(where: Place) -> None:
    studio = Studio(where)
    for at in range(30):
        studio.clock.wall_us += 100_000 if at % 2 else -100_000
        studio.recording.on_units([studio.unit()])
    await studio.end()
    assert len(where.sink.account(CAMERA).runs) == 1


async def test_the_cameras_own_clock(where: Place) -> None:
    studio = Studio(where)
    studio.recording.on_report(T0, studio.media, S // FPS)
    assert studio.clock_offset_us() is None
    studio.take(12)
    taken_us = studio.clock.now_us()
    studio.recording.on_report(taken_us + 1_500_000, studio.media - STEP, studio.clock.mono_us)
    assert studio.clock_offset_us() == 1_500_000
    await studio.end()
    (segment,) = await where.segments(CAMERA)
    assert segment.clock_offset_us == 1_500_000


async def test_a_report_with_a_foreign_media_time_counts_from_its_arrival(where: Place) -> None:
    studio = Studio(where)
    studio.take(12)
    studio.recording.on_report(studio.clock.now_us() + 5_000, studio.media + (1 << 30), studio.clock.mono_us)
    assert studio.clock_offset_us() == 5_000
    await studio.end()


@pytest.mark.parametrize("seconds", [1, 2, 6])
async def test_pictures_that_a_camera_kept_for_the_beginning_are_dated_when_they_were_taken(
    where: Place, seconds: int
) -> None:
    """It sends them all at once, in as many readings as it takes, before those of now."""
    studio = Studio(where)
    burst = [studio.unit() for _ in range(seconds * FPS)]
    for at in range(0, len(burst), GOP):
        studio.clock.mono_us += 20_000
        studio.clock.wall_us += 20_000
        studio.recording.on_units([replace(unit, arrival_us=studio.clock.mono_us) for unit in burst[at : at + GOP]])
    studio.take(2 * FPS)
    await studio.end()
    [segment] = await where.segments(CAMERA)
    assert 0 <= segment.start_us - (T0 + S // FPS) <= seconds * 20_000  # by as much as the readings took
    assert await studio.numbers() == [list(range((seconds + 2) * FPS))]


async def test_pictures_that_come_too_fast_for_long_begin_a_run_that_is_dated_right(where: Place) -> None:
    """What was dated by then stays so; nothing that is taken later is dated ahead of its arrival."""
    studio = Studio(where)
    for _ in range(8 * FPS):  # at twice the speed
        studio.clock.mono_us -= S // FPS // 2
        studio.clock.wall_us -= S // FPS // 2
        studio.take(1)
    studio.take(5 * FPS)
    end_us = studio.clock.now_us()
    await studio.end()
    assert await studio.numbers() == [list(range(20)), list(range(20, 40)), list(range(40, 65))]
    last = (await where.segments(CAMERA))[-1]
    assert abs(last.end_us - end_us) <= S // FPS


async def test_media_time_that_creeps_is_found_out_and_kept_out_of_memory(where: Place) -> None:
    """A camera that counts in milliseconds says so nowhere; fragments then close by when their pictures came."""
    studio = Studio(where)
    creep = TIMESCALE // 1000 // FPS
    for _ in range(70 * FPS):
        unit = studio.unit(pts=studio.number * creep)
        studio.recording.on_units([unit])
    end_us = studio.clock.now_us()
    await studio.end()
    segments = await where.segments(CAMERA)
    assert GapReason.TIMESTAMP_JUMP in where.sink.account(CAMERA).opened
    assert sum(segment.samples for segment in segments) == 70 * FPS
    assert max(segment.samples / len(segment.fragments) for segment in segments) <= 2 * FPS
    assert end_us - segments[-1].start_us <= 30 * S


async def test_media_time_that_stands_still_does_not_fill_the_memory(where: Place) -> None:
    studio = Studio(where, size=1 << 20)
    units = [studio.unit(pts=1) for _ in range(20)]
    for unit in units:
        studio.recording.on_units([replace(unit, arrival_us=units[0].arrival_us)])
    await studio.end()
    [segment] = await where.segments(CAMERA)
    assert max(span.size for span in segment.fragments) < 10 << 20


async def test_a_report_from_before_the_run_helps_its_clock(where: Place) -> None:
    """It does not wait for the encoder, as each picture here does for 0.3 s."""
    studio = Studio(where)
    studio.recording.on_report(T0, studio.media, 200_000)
    for _ in range(7):
        unit = studio.unit()
        studio.recording.on_units([replace(unit, arrival_us=unit.arrival_us + 300_000)])
    await studio.end()
    (segment,) = await where.segments(CAMERA)
    assert segment.start_us == T0 + 200_000
