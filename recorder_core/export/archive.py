"""What making exports needs from the rest of the recorder, and what it is handed: footage, gaps, room, proofs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Concatenate, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from recorder_core.models import Certificate, GapView, Settings
    from recorder_core.storage.index import Index
    from recorder_core.storage.records import Segment
    from recorder_core.storage.root_rows import RootProof

    from .package import SigningKey
    from .source import ClipSource


@dataclass(frozen=True, slots=True)
class Material:
    """What is stored of one camera: segments in time order, each with its file, and the gaps, clipped to the interval.

    There are none where nothing lies in the interval. `destroyed` are the certificates of footage that lay in it.
    """

    camera_id: str
    camera_name: str
    segments: tuple[Segment, ...]
    sources: tuple[ClipSource, ...]
    gaps: tuple[GapView, ...]
    destroyed: tuple[Certificate, ...]


class Archive(Protocol):
    """The store that exports are made from."""

    async def material(self, camera_id: str, start_us: int, end_us: int) -> Material:
        """Return what is stored of the interval, waiting for what is just being written.

        Raises:
            RecorderError: `UNKNOWN_CAMERA`, or what keeps the footage from being read.
        """
        ...

    async def begin_reading(self, camera_id: str, start_us: int, end_us: int) -> int:
        """Keep all that `material` may return from being deleted until `end_reading`.

        Raises:
            RequestError: `UNKNOWN_CAMERA`.
        """
        ...

    async def end_reading(self, reading_id: int) -> None:
        """Let it go."""
        ...

    async def proofs(self, segments: Sequence[Segment]) -> Mapping[int, RootProof]:
        """Tell the ledger of those of the segments that are complete, and return proofs for them, by segment id."""
        ...

    def signing_key(self) -> SigningKey:
        """Return the key that packages are signed with. Blocks."""
        ...

    def store_id(self) -> str:
        """Return the id of the data folder."""
        ...

    def settings(self) -> Settings:
        """Return the settings that are in force."""
        ...

    def roots(self) -> list[Path]:
        """Return the folders of all volumes that can be used; the first takes new exports."""
        ...

    async def on_disk[**P, T](self, root: Path, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `call(...)` returns, which touches the disk of a volume.

        Raises:
            TimeoutError: It takes longer than a disk may, and goes on by itself; else whatever `call` raises.
        """
        ...

    def check_room(self, size: int) -> None:
        """Make sure that so many bytes fit on the first volume.

        Raises:
            RecorderError: `VOLUME_FULL` or `VOLUME_MISSING`.
        """
        ...

    def trusted_us(self) -> int | None:
        """Return a time by which may be told what is too old: a little while ago; None while the clock is in doubt."""
        ...

    def may_delete(self) -> bool:
        """Whether all holds are known, so that anything may be deleted at all."""
        ...


class IndexCaller(Protocol):
    """Whoever asks the index off the event loop."""

    async def ask[**P, T](self, call: Callable[Concatenate[Index, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `call(index, ...)` returns."""
        ...
