"""Writing a package: clips, their frames and proofs, manifest, signature and the rest into one zip.

Keeps the file half of invariant 2 (`O_EXCL`, fsync of file and folder) and invariant 10: what fails or is cancelled
leaves no file behind. Each clip is written, read back into the zip and removed before the next one, so that besides the
package itself no more room is taken than its longest clip needs.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.export import ClipCancelledError, ClipPlan, write_clip
from recorder_core.export.derivative import write_derivative
from recorder_core.models import ExportFile
from recorder_core.storage.files import FILE_MODE, FOLDER_MODE, fsync_folder, storage_error

from . import layout
from .custody import custody_log
from .derived import derived_csv
from .frames import frames_csv
from .letter import cover_letter
from .manifest import PackedCamera, PackedFile, about_derived, about_media, manifest_json
from .proofs import proof_lines
from .taken import taken_samples
from .zip_file import ZipWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from recorder_core.clock import Clock
    from recorder_core.export.clip_plan import ClipPart
    from recorder_core.export.derivative import Derivative
    from recorder_core.storage.records import Segment

    from .order import CameraPlan, PackageOrder

_WORK_FOLDER = "work"
_VERIFY_PAGE = Path(__file__).with_name(layout.VERIFY_PAGE)


def package_bytes(order: PackageOrder) -> int:
    """Return about how much room writing a package takes: the package, and its longest clip once more."""
    sizes = [part.data_bytes for camera in order.plans for part in camera.plan.parts]
    anew = sum(derivative.size for camera in order.plans for derivative in camera.derivatives)
    return 2 * anew + sum(sizes) + sum(sizes) // 50 + max(sizes, default=0) + layout.PIECE_BYTES


def write_package(
    order: PackageOrder,
    folder: Path,
    *,
    clock: Clock,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> list[ExportFile]:
    """Write `package_<UTC of the start>.zip` into an existing folder and return it as the only file.

    Blocks; belongs into a thread. `progress` hears the bytes done so far and those to do, `cancelled` is asked just as
    often. `clock` tells when the package was made.

    Raises:
        ClipCancelledError: `cancelled` said so.
        StorageError: a file cannot be read or written, exists already, or footage is not what was recorded.
    """
    start = datetime.fromtimestamp(order.request.start_us // 1_000_000, UTC)
    path = folder / f"package_{start:%Y%m%dT%H%M%SZ}.zip"
    work = folder / _WORK_FOLDER
    made: list[Path] = []
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        made.append(path)
        work.mkdir(FOLDER_MODE)
        made.append(work)
        with os.fdopen(fd, "w+b") as file:
            package = _Package(order, work, ZipWriter(file, order.started_us), progress, cancelled)
            package.write(clock)
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        work.rmdir()
        fsync_folder(folder)
    except BaseException as error:
        for one in made:
            with suppress(OSError):  # the volume went away; what the first error was counts, and the folder goes later
                if one.is_dir():
                    for left in one.iterdir():
                        left.unlink()
                    one.rmdir()
                else:
                    one.unlink()
        if isinstance(error, OSError):
            raise storage_error(error, "Writing the package") from error
        raise
    clips = [clip for camera in package.cameras for clip in camera.clips]
    return [
        ExportFile(
            path=str(path),
            sha256=digest,
            size=path.stat().st_size,
            start_us=min((clip.start_us for clip in clips), default=order.request.start_us),
            end_us=max((clip.end_us for clip in clips), default=order.request.end_us),
            duration_us=sum(clip.duration_us for clip in clips),
            frames=sum(clip.frames for clip in clips),
            lead_in_us=max((clip.lead_in_us for clip in clips), default=0),
        )
    ]


class _Package:
    """One package while it is written."""

    def __init__(
        self,
        order: PackageOrder,
        work: Path,
        archive: ZipWriter,
        progress: Callable[[int, int], None] | None,
        cancelled: Callable[[], bool] | None,
    ) -> None:
        self.cameras: list[PackedCamera] = []
        self._order = order
        self._work = work
        self._archive = archive
        self._zone = ZoneInfo(order.time_zone)
        self._files: list[PackedFile] = []
        self._stems: set[str] = set()
        self._progress = progress
        self._cancelled = cancelled
        # Each byte of footage is copied out of the store, and then into the zip.
        self._total = 2 * sum(camera.plan.data_bytes for camera in order.plans)
        self._done = 0

    def write(self, clock: Clock) -> None:
        """Write all files, those first that the others tell of."""
        for camera in self._order.plans:
            self._add_camera(camera)
        made_us = clock.now_us()
        self._add(layout.CUSTODY, [self._custody(made_us)], kind="custody")
        self._add(layout.PUBLIC_KEY, [self._order.key.public_pem], kind="key")
        self._add(layout.VERIFY_PAGE, [_VERIFY_PAGE.read_bytes()], kind="page")
        letter = cover_letter(self._order, self.cameras, self._files, made_us)
        self._add(layout.LETTER, [letter], kind="letter")
        manifest = manifest_json(self._order, self.cameras, self._files, made_us)
        self._add(layout.MANIFEST, [manifest])
        self._add(layout.SIGNATURE, [self._order.key.sign(manifest)])
        self._add(layout.SUMS, [layout.sums_text({file.name: file.sha256 for file in self._files}).encode()])
        self._archive.close()

    def _custody(self, made_us: int) -> bytes:
        order, request = self._order, self._order.request
        return custody_log(
            order.export_id,
            request.request_id,
            request.basis,
            actor=request.actor,
            store_id=order.store_id,
            requested_us=order.requested_us,
            started_us=order.started_us,
            made_us=made_us,
        )

    def _add_camera(self, camera: CameraPlan) -> None:
        packed = PackedCamera(camera)
        self.cameras.append(packed)
        segments = {Path(segment.path).name: segment for segment in camera.segments}
        for number, part in enumerate(camera.plan.parts, 1):
            stem = layout.clip_stem(camera.camera_id, part.start_us)
            stem = self._own(f"{stem}-{number}" if len(camera.plan.parts) > 1 else stem)
            self._add_clip(packed, part, segments, stem)
        for derivative in camera.derivatives:
            self._add_derivative(packed, derivative)

    def _add_clip(self, packed: PackedCamera, part: ClipPart, segments: Mapping[str, Segment], stem: str) -> None:
        (clip,) = write_clip(
            ClipPlan((part,)), self._work, stem, progress=self._advance_to(), cancelled=self._cancelled
        )
        packed.clips.append(clip)
        path = Path(clip.path)
        proofs, frames = f"{stem}.proofs.jsonl", f"{stem}.frames.csv"
        about = about_media(packed.camera.camera_id, part, clip, proofs, frames, self._zone)
        added = self._add(path.name, self._counted(path), **about)
        _check_read_back(added, clip)
        path.unlink()
        self._add(frames, frames_csv(part, taken_samples(part, segments)), kind="frames")
        self._add(proofs, proof_lines(taken_samples(part, segments), packed.sources), kind="proofs")

    def _add_derivative(self, packed: PackedCamera, derivative: Derivative) -> None:
        camera_id = packed.camera.camera_id
        stem = self._own(layout.derived_stem(camera_id, derivative.part.start_us))
        file = write_derivative(derivative, self._work, stem)
        packed.derived.append(file)
        path, frames = Path(file.path), f"{stem}.frames.csv"
        about = about_derived(camera_id, derivative, file, frames, self._zone)
        _check_read_back(self._add(path.name, self._counted(path), **about), file)
        path.unlink()
        table = derived_csv(derivative.table, file.start_us, file.end_us)
        self._add(frames, [table], kind="frames")

    def _own(self, stem: str) -> str:
        """The beginning of the names of one video's files: cameras may differ in capitals only, files may not."""
        while stem.lower() in self._stems:
            stem += "_"
        self._stems.add(stem.lower())
        return stem

    def _counted(self, path: Path) -> Iterator[bytes]:
        """A file's pieces; tells how far the package is."""
        advance, size, done = self._advance_to(), path.stat().st_size, 0
        with path.open("rb", buffering=0) as file:
            while piece := file.read(layout.PIECE_BYTES):
                yield piece
                done += len(piece)
                advance(done, size)

    def _advance_to(self) -> Callable[[int, int], None]:
        """Return a listener to one step's progress that adds it to what was done before."""
        before = self._done

        def advance(done: int, total: int) -> None:
            self._done = before + min(done, total)
            if self._progress is not None:
                self._progress(min(self._done, self._total), self._total)

        return advance

    def _add(self, name: str, content: Iterable[bytes], **about: object) -> PackedFile:
        """Write a file into the zip and hash it, whole and by pieces."""
        whole, piece = hashlib.sha256(), hashlib.sha256()
        pieces: list[str] = []
        size = 0
        self._archive.begin(name)
        for data in content:
            if self._cancelled is not None and self._cancelled():
                raise ClipCancelledError
            self._archive.write(data)
            whole.update(data)
            view = memoryview(data)
            while view:
                part = view[: layout.PIECE_BYTES - size % layout.PIECE_BYTES]
                piece.update(part)
                size += len(part)
                view = view[len(part) :]
                if size % layout.PIECE_BYTES == 0:
                    pieces.append(piece.hexdigest())
                    piece = hashlib.sha256()
        if size % layout.PIECE_BYTES:
            pieces.append(piece.hexdigest())
        self._archive.end()
        packed = PackedFile(name, size, whole.hexdigest(), tuple(pieces), about)
        self._files.append(packed)
        return packed


def _check_read_back(added: PackedFile, made: ExportFile) -> None:
    if added.sha256 != made.sha256:
        raise StorageError(ErrorCode.EXPORT_FAILED, "The clip read back is not the one written.", file=added.name)
