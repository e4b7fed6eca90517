"""A small store for tests: a real index, a real volume, and segments written by the recorder's own functions."""

from __future__ import annotations

import hashlib
import itertools
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from recorder_core.media import TIMESCALE, Codec, Fragment, Sample, VideoFormat
from recorder_core.models import VolumeConfig
from recorder_core.storage.ids import new_segment_id, segment_path
from recorder_core.storage.index import Index
from recorder_core.storage.records import FragmentSpan, OpenFile, Run, Segment
from recorder_core.storage.segment_file import SegmentFile
from recorder_core.storage.volumes import VolumeHandle, open_volume

if TYPE_CHECKING:
    from pathlib import Path

S = 1_000_000
"""A second in microseconds."""

T0 = 1_760_000_000 * S
"""2025-10-09 08:53:20 UTC."""

FORMAT = VideoFormat(
    Codec.H264,
    (
        # 256 by 144 pixels, as x264 writes it.
        bytes.fromhex("6764000cacb40809d0800000030080000019078a1550"),
        bytes.fromhex("68ef0fcb"),
    ),
    256,
    144,
    0,
)

_FPS = 5
_FRAME = TIMESCALE // _FPS
_ROWS = itertools.count()


class ManualClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now_us: int = T0) -> None:
        """Start at a wall time; the monotonic clock starts at 0."""
        self.wall_us = now_us
        self.mono_us = 0

    def now_us(self) -> int:
        """Return the wall time."""
        return self.wall_us

    def monotonic_us(self) -> int:
        """Return the monotonic time."""
        return self.mono_us

    async def sleep(self, seconds: float) -> None:
        """Let that time pass at once."""
        self.wall_us += int(seconds * S)
        self.mono_us += int(seconds * S)


def fragment(start_us: int, number: int = 0, seconds: int = 1) -> Fragment:
    """A fragment of arbitrary bytes that begins `number` seconds into its run."""
    first = number * TIMESCALE
    samples = tuple(
        Sample(
            data=hashlib.sha256(b"%d %d" % (start_us, index)).digest() * (1 + index % 3),
            dts=first + index * _FRAME,
            pts=first + index * _FRAME,
            duration=_FRAME,
            sync=index == 0 and number % 2 == 0,
        )
        for index in range(seconds * _FPS)
    )
    return Fragment(samples, start_us, start_us + seconds * S)


@dataclass(slots=True)
class Store:
    """An index and a volume below `root`."""

    root: Path
    clock: ManualClock = field(default_factory=ManualClock)
    index: Index = field(init=False)
    handle: VolumeHandle = field(init=False)

    def __post_init__(self) -> None:
        """Open both, and put the volume into the index."""
        (self.root / "volume").mkdir(exist_ok=True)
        self.handle = open_volume(VolumeConfig(path=str(self.root / "volume")), self.clock, create=True)
        self.open_index()

    def open_index(self) -> None:
        """Open the index again, as another start of the recorder does."""
        self.index = Index.open(self.root / "index.sqlite3", self.clock)
        self.index.put_volume(self.handle.volume)

    def lose_index(self) -> None:
        """Begin with an empty index beside the same files."""
        self.index.close()
        for path in self.root.glob("index.sqlite3*"):
            path.unlink()
        self.open_index()

    @property
    def volume_id(self) -> str:
        """The id of the volume."""
        return self.handle.volume.volume_id

    def path(self, file: OpenFile | Segment) -> Path:
        """Where a file lies."""
        return self.handle.volume.path / file.path

    def run(self, camera_id: str = "entrance", start_us: int = T0, run_id: str = "run-1") -> Run:
        """Put a camera and begin a run of it."""
        self.index.put_camera(camera_id, camera_id.title())
        run = Run(run_id, camera_id, start_us, "rtsp", "h264", 256, 144)
        self.index.begin_run(run)
        return run

    def file(self, run: Run, start_us: int) -> OpenFile:
        """Name a file."""
        segment_id = new_segment_id(start_us, lambda _: int(run.run_id.rpartition("-")[2]))
        path = segment_path(run.camera_id, start_us, segment_id)
        return OpenFile(segment_id, run.camera_id, run.run_id, self.volume_id, path, start_us)

    def write(self, file: OpenFile, fragments: int, *, row: bool = True) -> tuple[SegmentFile, list[FragmentSpan]]:
        """Open a file, its row first, and write fragments of a second each."""
        if row:
            self.index.file_opened(file)
        written = SegmentFile(self.handle.volume.path, file, FORMAT)
        written.create()
        return written, [written.append(fragment(file.start_us + n * S, n)) for n in range(fragments)]

    def record(self, run: Run, start_us: int, fragments: int = 3) -> Segment:
        """Write and close a segment."""
        file = self.file(run, start_us)
        segment = self.close(file, *self.write(file, fragments))
        self.index.file_closed(segment)
        return segment

    def close(self, file: OpenFile, written: SegmentFile, spans: list[FragmentSpan]) -> Segment:
        """Finish a file and return its row, which is not in the index yet."""
        return Segment(
            segment_id=file.segment_id,
            camera_id=file.camera_id,
            run_id=file.run_id,
            volume_id=file.volume_id,
            path=file.path,
            start_us=file.start_us,
            wall_duration_us=len(spans) * S,
            media_duration=len(spans) * TIMESCALE,
            size=spans[-1].offset + spans[-1].size,
            root=written.finish(),
            fragments=tuple(spans),
            samples=len(spans) * _FPS,
        )


def row(store: Store, run: Run, start_us: int, wall_us: int, size: int = 1000) -> Segment:
    """A segment's row without a file, for tests of the index alone; put into the index."""
    segment_id = new_segment_id(start_us, lambda bits: next(_ROWS) % (1 << bits))
    segment = Segment(
        segment_id=segment_id,
        camera_id=run.camera_id,
        run_id=run.run_id,
        volume_id=store.volume_id,
        path=segment_path(run.camera_id, start_us, segment_id),
        start_us=start_us,
        wall_duration_us=wall_us,
        media_duration=wall_us * 9 // 100,
        size=size,
        root=hashlib.sha256(b"%d" % segment_id).digest(),
        fragments=(FragmentSpan(800, size - 800, wall_us * 9 // 100, sync=True),),
        samples=5,
    )
    store.index.file_closed(segment)
    return segment


def make_unlike_its_table(path: Path) -> None:
    """Have one of SQLite's own indexes tell another time of a run than the run itself; a quick check passes."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO camera VALUES (1, 'entrance', 'Entrance', 0, 0)")
        connection.execute("INSERT INTO run VALUES (1, 'run-1', 1, 0, 'rtsp', 'h264', 16, 16, 0, 0, 'x')")
        [sql, page] = connection.execute(
            "SELECT sql, rootpage FROM sqlite_schema WHERE name = 'run_by_camera'"
        ).fetchone()
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("DELETE FROM sqlite_schema WHERE name = 'run_by_camera'")
        connection.commit()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE run SET start_us = 7")
        connection.execute("PRAGMA writable_schema = ON")
        values = ("index", "run_by_camera", "run", page, sql)
        connection.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", values)
        connection.commit()
