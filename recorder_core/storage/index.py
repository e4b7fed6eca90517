"""The index of footage: one SQLite file that knows every camera, run, segment, gap, volume and event.

Keeps invariants 1 to 4. Synchronous and safe to call from any thread; never call it on the event loop. Every
method is one committed transaction. Any of them may raise StorageError with what `database` makes of SQLite's errors.
"""

from __future__ import annotations

from .delivery_rows import DeliveryRows
from .erasure_rows import ErasureRows
from .export_rows import ExportRows
from .footage_rows import FootageRows
from .garbage_rows import GarbageRows
from .hold_rows import HoldRows
from .late_rows import LateRows
from .reading_rows import ReadingRows
from .rebuild_rows import RebuildRows
from .retention_rows import RetentionRows
from .root_rows import RootRows
from .rule_rows import RuleRows
from .timeline_rows import TimelineRows

_HEARTBEAT = "heartbeat_us"


class Index(
    RebuildRows,
    LateRows,
    GarbageRows,
    ErasureRows,
    RuleRows,
    RootRows,
    HoldRows,
    ReadingRows,
    RetentionRows,
    ExportRows,
    DeliveryRows,
    FootageRows,
    TimelineRows,
):
    """The index of footage. `with Index.open(path, clock) as index:` opens and closes it."""

    def heartbeat(self, now_us: int) -> None:
        """Remember that the recorder was alive at this wall time, so that a later start knows when it went down."""
        with self._writing() as connection:
            self._put_meta(connection, _HEARTBEAT, str(now_us))

    def last_heartbeat(self) -> int | None:
        """Return the wall time of the last heartbeat; None before the first."""
        with self._reading() as connection:
            value = self._meta(connection, _HEARTBEAT)
            return None if value is None else int(value)
