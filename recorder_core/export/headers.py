"""Reading the headers of recorded files for a clip; whatever is wrong with a file becomes one kind of error."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO, Self

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.mp4 import Mp4Error, read_fragment_head, read_init
from recorder_core.storage.files import storage_error

if TYPE_CHECKING:
    from pathlib import Path

    from recorder_core.export.source import ClipSource, PlacedFragment, Stretch
    from recorder_core.media import VideoFormat
    from recorder_core.mp4 import FragmentHead


class Headers:
    """Reads files' headers; keeps the last file open, for its fragments come in a row.

    Its methods raise StorageError where a file is missing, unreadable, or not what the index says.
    """

    def __init__(self) -> None:
        """Nothing is open yet."""
        self._stack = ExitStack()
        self._path: Path | None = None
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        """Files are opened as they are needed."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close what is open."""
        self._stack.close()

    def video_format(self, source: ClipSource) -> VideoFormat:
        """The format of a file, which must be of the source's run."""
        try:
            init = read_init(self._open(source.path))
        except (OSError, Mp4Error) as error:
            raise unreadable(source.path, error) from error
        if init.run_id != source.run_id:
            raise unreadable(source.path, Mp4Error("The file belongs to another run"))
        return init.video_format

    def fragment(self, stretch: Stretch, placed: PlacedFragment) -> FragmentHead:
        """What a fragment says of its samples."""
        path = stretch.sources[placed.source].path
        try:
            head = read_fragment_head(self._open(path), placed.span.offset, placed.span.size)
        except (OSError, Mp4Error) as error:
            raise unreadable(path, error) from error
        if placed.span.sync and not head.sync:
            raise unreadable(path, Mp4Error("The index takes a fragment for one with a sync sample"))
        if head.duration != placed.span.duration:
            raise unreadable(path, Mp4Error("A fragment does not last as long as the index says"))
        return head

    def _open(self, path: Path) -> BinaryIO:
        if self._file is None or path != self._path:
            self._stack.close()
            self._file = self._stack.enter_context(path.open("rb", buffering=0))
            self._path = path
        return self._file


class DamagedError(StorageError):
    """The recording at `path` is not what was recorded."""

    def __init__(self, path: Path, error: Mp4Error, at_us: int | None = None) -> None:
        """Say which it is, what is wrong with it, and, where that is known, the UTC of the picture that is."""
        where = {} if at_us is None else {"at_us": at_us}
        moment = "" if at_us is None else f" at {datetime.fromtimestamp(at_us // 1_000_000, UTC):%Y-%m-%d %H:%M:%S} UTC"
        sentence = f"The recording {path.name} is damaged{moment}: {error}."
        super().__init__(ErrorCode.FOOTAGE_DAMAGED, sentence, file=path.name, **where)
        self.path = path


def unreadable(path: Path, error: OSError | Mp4Error) -> StorageError:
    """Say which recording cannot be used, and why."""
    if isinstance(error, OSError):
        return storage_error(error, f"Reading the recording {path.name}")
    return DamagedError(path, error)
