"""What the simulator says it sent: the yardstick by which a recording is judged."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

_KEPT_IN_MEMORY = 200_000


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """One coded picture, in the order of sending.

    `time_us` is UTC when it was taken, `size` the bytes of its NAL units, `receivers` the sessions that it was sent
    to (0: nobody was watching). In load mode `serial` counts on from loop to loop, and `digest` is the SHA-256 of the
    MP4 sample that the picture makes; see `loop.py`.
    """

    name: str
    camera: int
    serial: int
    time_us: int
    sync: bool
    size: int
    receivers: int
    digest: str = ""


class FrameLog(Protocol):
    """Takes records."""

    def add(self, record: FrameRecord) -> None:
        """Keep it."""
        ...

    def close(self) -> None:
        """No more will come."""
        ...


class MemoryLog:
    """The latest records, for tests."""

    def __init__(self, limit: int = _KEPT_IN_MEMORY) -> None:
        """Keep at most `limit` of them."""
        self.records: deque[FrameRecord] = deque(maxlen=limit)

    def add(self, record: FrameRecord) -> None:
        """Keep it, and forget the oldest if there are too many."""
        self.records.append(record)

    def close(self) -> None:
        """Nothing to do: the records stay readable."""


class FileLog:
    """A file with one JSON object per line, for a checker in another process."""

    def __init__(self, path: Path) -> None:
        """Create the file, or go on at its end."""
        self._file = path.open("a", buffering=1 << 16)

    def add(self, record: FrameRecord) -> None:
        """Write a line; it reaches the file with the next full buffer or at the end."""
        self._file.write(json.dumps(asdict(record), separators=(",", ":")) + "\n")

    def close(self) -> None:
        """Write what is left."""
        self._file.close()
