"""Reads frame codes out of video files with PyAV: what was recorded, told by the pictures themselves.

Nothing here knows the recorder's index or its files' headers, so it can contradict them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import av
import numpy as np

from recorder_core.simulator import FrameCode, read_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class ShownFrame:
    """A decoded picture: its code (None where it cannot be read), and whether it is a sync sample."""

    code: FrameCode | None
    sync: bool


@dataclass(frozen=True, slots=True)
class Tracks:
    """How many tracks a file has."""

    video: int
    other: int


@dataclass(frozen=True, slots=True)
class Sequence:
    """All frames of one camera: how many, and how the serials between the first and the last follow each other."""

    frames: int
    missing: int
    duplicated: int
    unreadable: int
    first_us: int
    last_us: int


def shown_frames(path: Path, *, hidden: bool = False) -> Iterator[ShownFrame]:
    """Yield what a player shows of a file, in order; what an edit list hides is not shown, unless `hidden` asks for it.

    So does a player that ignores edit lists, and so does whoever looks for what the file holds.
    """
    with av.open(path, options={"ignore_editlist": "1"} if hidden else {}) as container:
        for frame in container.decode(video=0):
            plane = frame.planes[0]
            luma = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width]
            yield ShownFrame(read_code(luma), bool(frame.key_frame))


def tracks(path: Path) -> Tracks:
    """Count a file's tracks."""
    with av.open(path) as container:
        video = len(container.streams.video)
        return Tracks(video, len(container.streams) - video)


def sequence(frames: Iterable[ShownFrame]) -> Sequence:
    """Judge one camera's frames by their serials, which a simulated camera counts without a hole."""
    codes = []
    unreadable = 0
    for frame in frames:
        if frame.code is None:
            unreadable += 1
        else:
            codes.append(frame.code)
    serials = {code.serial for code in codes}
    times = [code.time_us for code in codes]
    return Sequence(
        frames=len(codes) + unreadable,
        missing=max(serials) - min(serials) + 1 - len(serials) if serials else 0,
        duplicated=len(codes) - len(serials),
        unreadable=unreadable,
        first_us=min(times, default=0),
        last_us=max(times, default=0),
    )
