"""What the benchmarks measure with, and their arithmetic: medians and spread, and words where figures mean little."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from recorder_core.clock import SystemClock
from recorder_core.models import DeletionRule
from recorder_core.mp4.reader import read_segment
from recorder_core.storage.index import Index
from script.tools import bench_export, bench_fill, bench_footage, bench_index
from script.tools.bench_capture import Reading, Result, compare, complaint
from script.tools.bench_footage import Loop
from script.tools.material import Material
from script.tools.processes import cpu_seconds
from script.tools.serials import Count
from tests.core.storage.store import FORMAT

if TYPE_CHECKING:
    from pathlib import Path

MATERIAL = Material(fps=25, codec_data="", sizes=[20_000, 10_000], sha256=["a", "b"])


def _reading(cpu_s: float, *, stored_bytes: int = 2 * 10**9, pss: int = 90_000_000) -> Reading:
    return Reading(cpu_s=cpu_s, stored_bytes=stored_bytes, elapsed_s=20, pss_bytes=pss, server_cpu_s=3)


def test_cpu_is_for_each_gigabyte_stored() -> None:
    """10⁹ bytes, as on a disk's label."""
    assert _reading(5.0).cpu_s_per_gb == 2.5


def test_a_side_is_told_by_median_and_spread() -> None:
    """One round that was disturbed does not move the figure, and shows in the spread."""
    result = Result([_reading(4), _reading(20), _reading(6, pss=80_000_000)])
    assert result.summary() == {"cpu_s_per_gb": 3.0, "spread": [2.0, 10.0], "pss_mb": 90.0}


def test_compares_medians_and_hands_on_what_is_missing() -> None:
    """A ratio of 0.25 is a quarter of ffmpeg's."""
    results = {
        "ours": Result([_reading(4), _reading(5), _reading(6)]),
        "ffmpeg": Result([_reading(20, pss=450_000_000)] * 3),
        "pyav": Result([_reading(16)] * 3),
    }
    assert compare(results, Count(1000, missing=2, duplicated=1)) == {
        "ratio_cpu_vs_ffmpeg": 0.25,
        "ratio_pss_vs_ffmpeg": 0.2,
        "samples_missing": 2,
        "samples_duplicated": 1,
    }


@pytest.mark.parametrize(("share", "complains"), [(1.01, False), (0.96, False), (0.9, True)])
def test_says_when_a_side_did_not_keep_real_time(share: float, *, complains: bool) -> None:
    """Figures of a machine that was too slow are no figures of the recorder."""
    assert MATERIAL.bytes_per_second == 375_000
    sent = 40 * 20 * 375_000
    words = complaint("ours", _reading(5, stored_bytes=int(sent * share)), sent_per_second=40 * 375_000)
    assert (words is not None) == complains
    if words is not None:
        assert f"{share:.0%}" in words
        assert "cannot keep real time" in words


def test_this_process_is_measured_in_seconds() -> None:
    """The unit of /proc is a tick, which is no second."""
    times = os.times()
    assert cpu_seconds([os.getpid()]) == pytest.approx(sum(times[:4]), abs=0.5)


def test_export_ratios_say_how_many_times_as_fast_ours_is() -> None:
    """Of medians; below one it is slower."""
    figures = bench_export.compare({"ours": [0.5, 0.4, 9.0], "cp": [0.4, 0.3, 0.5], "ffmpeg_concat": [1.0] * 3})
    assert figures == {
        "ours": {"median_s": 0.5, "spread_s": [0.4, 9.0]},
        "cp": {"median_s": 0.4, "spread_s": [0.3, 0.5]},
        "ffmpeg_concat": {"median_s": 1.0, "spread_s": [1.0, 1.0]},
        "ratio_vs_cp": 0.8,
        "ratio_vs_ffmpeg_concat": 2.0,
    }


def test_ninety_nine_of_a_hundred_answers_are_no_slower_than_the_p99() -> None:
    """However they are ordered; of few it is the slowest."""
    assert bench_index.p99([float(number) for number in range(100, 0, -1)]) == 99.0
    assert bench_index.p99([3.0, 7.0, 5.0]) == 7.0


def test_an_index_that_was_filled_in_bulk_is_as_the_recorder_would_have_it(tmp_path: Path) -> None:
    """Sums and longest segment as the triggers keep them, which are there again; runs and gaps between the days."""
    path = tmp_path / "index.sqlite3"
    bench_fill.fill(path, cameras=2, days=2)
    with Index.open(path, SystemClock()) as index:
        assert index.cameras() == {"cam0": "Camera 0", "cam1": "Camera 1"}
        begin_us, middle_us, end_us = (bench_fill.day_us(1, day) for day in range(3))
        segments = index.segments("cam1", begin_us, end_us)
        assert len(segments) == 2 * 1440
        assert index.footage("cam1").size == sum(segment.size for segment in segments)
        assert {segment.size for segment in segments} == {
            one.fragments[-1].offset + one.fragments[-1].size for one in segments
        }
        assert len(index.segments("cam1", middle_us - 1, middle_us)) == 0
        assert [(gap.start_us, gap.end_us) for gap in index.gaps("cam1", begin_us, end_us)] == [
            (day_us - bench_fill.GAP_S * 1_000_000, day_us) for day_us in (middle_us, end_us)
        ]
        assert len(index.runs("cam1", begin_us, end_us)) == 2
        before = index.footage("cam1")
        index.condemn_oldest(
            "cam1", before_us=middle_us, max_bytes=None, rule=DeletionRule.AGE, policy_version="1", now_us=end_us
        )
        assert before.segments - index.footage("cam1").segments == 500


def test_footage_of_the_benchmarks_is_what_the_recorder_reads(tmp_path: Path) -> None:
    """Whole, and cut down to headers."""
    loop = Loop([bytes([number]) * 100 for number in range(250)], FORMAT)
    for name, sample_bytes, size in (("whole", None, 100), ("headers", 1, 1)):
        root = tmp_path / name
        root.mkdir()
        file = bench_footage.name_file("cam0", "run", "volume", bench_footage.T0)
        segment = bench_footage.close_segment(
            file, *bench_footage.write_fragments(root, file, loop, 3, sample_bytes=sample_bytes)
        )
        layout = read_segment(root / segment.path)
        assert (layout.segment_id, layout.camera_id, layout.run_id) == (file.segment_id, "cam0", "run")
        assert layout.whole_size == segment.size
        samples = [sample for fragment in layout.fragments for sample in fragment.samples]
        assert [sample.size for sample in samples] == [size] * segment.samples
        assert [number for number, sample in enumerate(samples) if sample.sync] == [0, 50]
