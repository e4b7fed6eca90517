"""What a store is judged by: the simulator's log of the frames that it sent, and the scene's log of its holds.

Like the rest of the checker it imports nothing of the recorder's.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class SentFrame:
    """A line of the simulator's log; `key` is the SHA-256 of the frame's sample."""

    serial: int
    time_us: int
    sync: bool
    key: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """A hold that the recorder had confirmed at `placed_us`, and that nobody asked it to end before `released_us`."""

    key: str
    cameras: tuple[str, ...]
    start_us: int
    end_us: int | None
    placed_us: int
    released_us: int | None = None

    def covers(self, camera: str, start_us: int, end_us: int) -> bool:
        """Whether it overlaps an interval of a camera."""
        return camera in self.cameras and end_us > self.start_us and (self.end_us is None or start_us < self.end_us)


def read_log(path: Path) -> dict[str, list[SentFrame]]:
    """Return the frames that were sent to somebody, by camera in the order of sending."""
    sent = defaultdict(list)
    with path.open() as file:
        for line in file:
            said = json.loads(line)
            if said["receivers"]:
                frame = SentFrame(said["serial"], said["time_us"], said["sync"], said["digest"], said["size"])
                sent[said["name"]].append(frame)
    return sent


def read_holds(path: Path) -> list[Held]:
    """Return the holds of a scene, which writes a line for each one that was confirmed, and before it asks for its end.

    No file means no holds.
    """
    holds: dict[str, Held] = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        said = json.loads(line)
        key = said["hold"]
        if said["did"] == "released":
            holds[key] = replace(holds[key], released_us=said["at_us"])
        else:
            holds.setdefault(key, Held(key, tuple(said["cameras"]), said["start_us"], said["end_us"], said["at_us"]))
    return list(holds.values())
