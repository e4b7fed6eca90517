"""The capture benchmark's arithmetic: per gigabyte stored, medians and spread, and words where figures mean little."""

from __future__ import annotations

import os

import pytest

from script.tools.bench_capture import Reading, Result, compare, complaint
from script.tools.material import Material
from script.tools.processes import cpu_seconds
from script.tools.serials import Count

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
