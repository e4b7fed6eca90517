"""Counting by serial: what is missing or stored twice shows, wherever in the loop it happens."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from hypothesis import given, strategies as st

from script.tools.serials import Count, count, sample_hashes

if TYPE_CHECKING:
    from pathlib import Path

LOOP = [f"digest {number}" for number in range(10)]


def _stored(*serials: int) -> list[str]:
    return [LOOP[serial % len(LOOP)] for serial in serials]


@pytest.mark.parametrize(
    ("serials", "expected"),
    [
        pytest.param((), Count(), id="nothing"),
        pytest.param((3, 4, 5), Count(3), id="all"),
        pytest.param((8, 9, 10, 11), Count(4), id="all over the loop's end"),
        pytest.param((3, 5), Count(2, missing=1), id="one missing"),
        pytest.param((8, 9, 12), Count(3, missing=2), id="missing over the loop's end"),
        pytest.param((3, 3, 4), Count(3, duplicated=1), id="twice in a row"),
        pytest.param((3, 4, 3, 4, 5), Count(5, duplicated=1), id="a step back"),
    ],
)
def test_counts_steps(serials: tuple[int, ...], expected: Count) -> None:
    """Forward by one is right; everything else is counted."""
    assert count(_stored(*serials), LOOP) == expected


def test_a_sample_that_is_none_of_the_loop_is_unknown() -> None:
    """It is neither missing nor stored twice, but it must be told."""
    assert count([*_stored(1, 2), "another digest", *_stored(3)], LOOP) == Count(4, unknown=1)


@given(first=st.integers(0, 9), length=st.integers(2, 60), data=st.data())
def test_every_single_loss_shows(first: int, length: int, data: st.DataObject) -> None:
    """Wherever one is taken out between the first and the last, exactly one is missing."""
    serials = list(range(first, first + length + 1))
    del serials[data.draw(st.integers(1, length - 1))]
    assert count(_stored(*serials), LOOP) == Count(length, missing=1)


def test_reads_each_samples_bytes_as_ffprobe_sees_them(tmp_path: Path) -> None:
    """The digest is that of the sample as it lies in the file, in the order of decoding."""
    path = tmp_path / "film.mp4"
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast", "tune": "zerolatency"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number in range(5):
            picture = np.full((96, 64), number * 40, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="yuv420p")))
        container.mux(stream.encode(None))
    with av.open(path) as container:
        expected = [hashlib.sha256(bytes(packet)).hexdigest() for packet in container.demux(video=0) if packet.size]
    assert len(expected) == 5
    assert sample_hashes(path) == expected
