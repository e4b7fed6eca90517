"""The table of a clip's pictures: when each was taken, whether it is shown, and where it comes from.

`pts` is the presentation time in the file in 1/90 000 s, `seconds` the place on a player's time line (negative where
the edit list hides the picture). `utc` is the recorder's clock; `camera_time` what the camera's own clock said, where
its sender reports told by how much that was off.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, NamedTuple, Protocol

from recorder_core.media import TIMESCALE

from .layout import utc_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from recorder_core.export.clip_plan import ClipPart

    from .taken import Taken

COLUMNS = ("sample", "pts", "seconds", "utc", "camera_time", "shown", "sync", "bytes", "sha256", "segment", "fragment")


_MOST_WAITING = 1000
"""Far more pictures than ever wait for one that is presented before them; the table of a day must not be in memory."""


class Picture(NamedTuple):
    """A sample: of which segment (its id as text) and which of its fragments (from 1), and its presentation in UTC."""

    segment: str
    fragment: int
    size: int
    sync: bool
    digest: bytes
    at_us: int


class Shows(Protocol):
    """What a file shows, in media time."""

    @property
    def show_start(self) -> int:
        """The composition time at which it begins to be shown."""
        ...

    @property
    def show_duration(self) -> int:
        """How long it is shown."""
        ...


def frames_csv(part: ClipPart, taken: Iterable[Taken]) -> Iterator[bytes]:
    """Give the table in the order of presentation. `sample` counts the file's samples in decoding order from 1."""
    yield _line(COLUMNS)  # RFC 4180
    waiting: list[tuple[int, int, bytes]] = []
    table = part.table
    dts = index = 0
    for one in taken:
        layout = one.tree.layouts[one.fragment]
        recorded_dts = layout.base_dts + sum(sample.duration for sample in layout.samples[: one.first])
        segment = one.tree.segment
        for sample in one.samples:
            pts = dts + table.composition_offsets[index]
            at_us = one.tree.wall_us(recorded_dts + sample.composition_offset)
            picture = Picture(
                f"{segment.segment_id:016x}", one.fragment + 1, sample.size, sample.sync, sample.digest, at_us
            )
            row = frame_row(index + 1, pts, part, picture, segment.clock_offset_us)
            heappush(waiting, (pts, index, _line(row)))
            dts += table.durations[index]
            recorded_dts += sample.duration
            index += 1
        yield from _in_order(waiting, _MOST_WAITING)
    yield from _in_order(waiting, 0)


def _in_order(waiting: list[tuple[int, int, bytes]], most: int) -> Iterator[bytes]:
    """Take lines from a heap, the first one first, until so many are left."""
    while len(waiting) > most:
        yield heappop(waiting)[-1]


def _line(cells: Iterable[str]) -> bytes:
    return f"{','.join(cells)}\r\n".encode()


def frame_row(number: int, pts: int, shows: Shows, picture: Picture, clock_offset_us: int | None) -> tuple[str, ...]:
    """Return the cells of a picture's row; `clock_offset_us` is the camera's clock minus the recorder's, if known."""
    return (
        str(number),
        str(pts),
        f"{(pts - shows.show_start) / TIMESCALE:.6f}",
        utc_text(picture.at_us),
        "" if clock_offset_us is None else utc_text(picture.at_us + clock_offset_us),
        "yes" if shows.show_start <= pts < shows.show_start + shows.show_duration else "no",
        "yes" if picture.sync else "no",
        str(picture.size),
        picture.digest.hex(),
        picture.segment,
        str(picture.fragment),
    )
