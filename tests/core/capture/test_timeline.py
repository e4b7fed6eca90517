"""Decoding times out of presentation times: ascending, complete, and true where the stream says how it reorders."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings, strategies as st

from recorder_core.capture.timeline import DecodeTimeline
from recorder_core.media import AccessUnit, Sample

STEP = 3600


def _run(times: list[int], depth: int | None) -> tuple[list[Sample], int]:
    """Return all samples, and how many of them only came with the end."""
    timeline = DecodeTimeline(depth)
    samples: list[Sample] = []
    for at, pts in enumerate(times):
        samples += timeline.push([AccessUnit(b"%d" % at, pts, sync=at == 0, arrival_us=0)])
    before = len(samples)
    samples += timeline.flush()
    assert timeline.flush() == []
    return samples, len(samples) - before


def _check(times: list[int], samples: list[Sample]) -> None:
    """What must hold for any stream."""
    assert [sample.data for sample in samples] == [b"%d" % at for at in range(len(times))]
    assert [sample.pts for sample in samples] == times
    dts = [sample.dts for sample in samples]
    assert all(before < after for before, after in pairwise(dts))
    assert [sample.duration for sample in samples[:-1]] == [after - before for before, after in pairwise(dts)]
    assert all(sample.duration > 0 for sample in samples)
    assert [sample.sync for sample in samples] == [at == 0 for at in range(len(times))]


@st.composite
def reordered(draw: st.DrawFn) -> tuple[list[int], int]:
    """Draw presentation times in decoding order, and by how much they are reordered at most."""
    depth = draw(st.integers(0, 4))
    times: list[int] = []
    waiting: list[int] = []
    pts = draw(st.integers(-(1 << 34), 1 << 34))
    for _ in range(draw(st.integers(1, 40))):
        waiting.append(pts)
        pts += draw(st.sampled_from([STEP, STEP, 3003, 1, 90_000]))
        while len(waiting) > depth:
            times.append(waiting.pop(draw(st.integers(0, len(waiting) - 1))))
            # A picture that was overtaken may wait for no more than `depth` others.
            if waiting and sum(one > waiting[0] for one in times) >= depth:
                times.append(waiting.pop(0))
    times += waiting
    return times, max(sum(before > pts for before in times[:at]) for at, pts in enumerate(times))


@settings(max_examples=200, deadline=None)
@given(reordered())
def test_a_stream_that_states_its_depth(stream: tuple[list[int], int]) -> None:
    """Decoding times are the presentation times in ascending order, known as soon as they can be."""
    times, depth = stream
    samples, late = _run(times, depth)
    _check(times, samples)
    assert [sample.dts for sample in samples] == sorted(times)
    assert late == min(depth + 1, len(times))


@settings(max_examples=200, deadline=None)
@given(reordered(), st.one_of(st.none(), st.integers(0, 20)))
def test_a_stream_that_states_another_depth_or_none(stream: tuple[list[int], int], stated: int | None) -> None:
    times, depth = stream
    samples, late = _run(times, stated)
    _check(times, samples)
    if stated is not None and depth <= stated <= 16:
        assert [sample.dts for sample in samples] == sorted(times)
    assert late <= max(depth, min(stated or 0, 16)) + 1


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(-200_000, 200_000), min_size=1, max_size=60), st.one_of(st.none(), st.integers(0, 3)))
def test_liars(times: list[int], stated: int | None) -> None:
    """Times that make no sense, doubled ones among them, are decoded in the order in which they came."""
    samples, late = _run(times, stated)
    _check(times, samples)
    assert late <= 17


def test_the_depth_is_learned_once() -> None:
    """After the first reordered picture the times are right."""
    times = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12, 10, 11]
    samples, _ = _run([one * STEP for one in times], None)
    dts = [sample.dts for sample in samples]
    assert dts[:4] == [0, 3 * STEP, 3 * STEP + 1, 3 * STEP + 2]
    assert dts[4:] == [one * STEP for one in range(4, 13)]


def test_the_last_sample_lasts_as_long_as_the_one_before() -> None:
    samples, _ = _run([0, STEP, 3 * STEP], 0)
    assert [sample.duration for sample in samples] == [STEP, 2 * STEP, 2 * STEP]
    samples, _ = _run([7], None)
    assert [sample.duration for sample in samples] == [3600]
    assert DecodeTimeline(2).flush() == []
