"""The table of re-encoded pictures in a package; writer and check share it. They are no originals, and it says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder_core.media import TIMESCALE

from .layout import utc_text

if TYPE_CHECKING:
    from recorder_core.mp4 import SampleTable

COLUMNS = ("sample", "pts", "seconds", "utc", "derived", "sync", "bytes")


def derived_csv(table: SampleTable, start_us: int, end_us: int) -> bytes:
    """Return the table of the pictures of `[start_us, end_us)`, in their order; it follows from the file alone."""
    total = sum(table.durations)
    sync, pts, lines = set(table.sync), 0, [",".join(COLUMNS)]
    for number, (size, duration) in enumerate(zip(table.sizes, table.durations, strict=True)):
        at_us = start_us + pts * (end_us - start_us) // max(total, 1)
        cells = (number + 1, pts, f"{pts / TIMESCALE:.6f}", utc_text(at_us), "yes", _yes(number in sync), size)
        lines.append(",".join(map(str, cells)))
        pts += duration
    return "".join(f"{line}\r\n" for line in lines).encode()


def _yes(told: bool) -> str:  # noqa: FBT001  # a cell says yes or no
    return "yes" if told else "no"
