"""The table of a clip's pictures: when each was taken, whether it is shown, and where it comes from.

`pts` is the presentation time in the file in 1/90 000 s, `seconds` the place on a player's time line (negative where
the edit list hides the picture). `utc` is the recorder's clock; `camera_time` what the camera's own clock said, where
its sender reports told by how much that was off.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from recorder_core.media import TIMESCALE

from .layout import utc_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recorder_core.export.clip_plan import ClipPart

    from .taken import Taken

COLUMNS = ("sample", "pts", "seconds", "utc", "camera_time", "shown", "sync", "bytes", "sha256", "segment", "fragment")


def frames_csv(part: ClipPart, taken: Iterable[Taken]) -> bytes:
    """Return the table in the order of presentation. `sample` counts the file's samples in decoding order from 1."""
    rows: list[tuple[int, tuple[object, ...]]] = []
    table = part.table
    dts = 0
    for one in taken:
        layout = one.tree.layouts[one.fragment]
        recorded_dts = layout.base_dts + sum(sample.duration for sample in layout.samples[: one.first])
        offset_us = one.tree.segment.clock_offset_us
        for sample in one.samples:
            index = len(rows)
            pts = dts + table.composition_offsets[index]
            at_us = one.tree.wall_us(recorded_dts + sample.composition_offset)
            shown = part.show_start <= pts < part.show_start + part.show_duration
            row = (
                index + 1,
                pts,
                f"{(pts - part.show_start) / TIMESCALE:.6f}",
                utc_text(at_us),
                "" if offset_us is None else utc_text(at_us + offset_us),
                "yes" if shown else "no",
                "yes" if sample.sync else "no",
                sample.size,
                sample.digest.hex(),
                f"{one.tree.segment.segment_id:016x}",
                one.fragment + 1,
            )
            rows.append((pts, row))
            dts += table.durations[index]
            recorded_dts += sample.duration
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")  # RFC 4180
    writer.writerow(COLUMNS)
    writer.writerows(row for _, row in sorted(rows, key=lambda row: row[0]))
    return text.getvalue().encode()
