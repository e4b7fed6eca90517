"""Disks that refuse: small ones, large ones that are nearly full, and ones that do not answer."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode
from recorder_core.storage.volumes import MARKER

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

ROOM = 1 << 20

_LARGE = 4 << 30
_SMALL_FILLER = 1 << 30


@contextmanager
def file_size_limit(limit: int = ROOM) -> Generator[None]:
    """Have the kernel refuse to let any file of this process grow beyond `limit`, in the middle of a write."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def mounted_disk(folder: Path, size: int = ROOM) -> Generator[bool]:
    """Put a disk of 1 MiB at `folder` and say that it is there; say no where nobody may mount one."""
    mount = [shutil.which("mount") or "mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(folder)]
    is_mounted = os.geteuid() == 0 and subprocess.run(mount, check=False, capture_output=True).returncode == 0
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run([shutil.which("umount") or "umount", "--lazy", str(folder)], check=True)


@contextmanager
def small_disk(folder: Path) -> Generator[ErrorCode]:
    """Put a disk of 1 MiB at `folder` and give the code of the error that it ends with.

    Where nobody may mount one, no file may grow beyond that size: the write breaks off in the same way.
    """
    with mounted_disk(folder) as is_mounted:
        if is_mounted:
            yield ErrorCode.VOLUME_FULL
        else:
            with file_size_limit():
                yield ErrorCode.STORAGE_FAILED


@dataclass(slots=True)
class FilledDisk:
    """A disk that another program's file has nearly filled, as far as it may be filled."""

    filler: Path
    min_free_bytes: int | None = None

    def make_room(self, size: int) -> None:
        """Free that much of what the other program had taken."""
        os.truncate(self.filler, self.filler.stat().st_size - size)


@contextmanager
def filled_disk(folder: Path, room: int) -> Generator[FilledDisk]:
    """Put a disk of 4 GiB at `folder` on which only `room` bytes are free.

    It is an ext4 filesystem in a file with holes, so it takes no room itself, nor do the blocks that are set aside for
    the other program's file. Where nobody may mount one, `min_free_bytes` is where the folder's own disk is to end.
    """
    image = folder.with_name(f"{folder.name}.img")
    filler = folder / "other"
    with image.open("wb") as file:
        file.truncate(_LARGE)
    is_mounted = os.geteuid() == 0 and _did("mkfs.ext4", "-q", "-m", "0", image) and _did("mount", image, folder)
    try:
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, _free(folder) - room if is_mounted else _SMALL_FILLER)
        yield FilledDisk(filler, None if is_mounted else _free(folder) - room)
    finally:
        if is_mounted:
            _did("umount", "--lazy", folder)
        image.unlink()


@contextmanager
def hanging_disk(folder: Path) -> Generator[Callable[[bool], None]]:
    """Put a disk at `folder` and give what makes it hang, and answer again: its filesystem is frozen.

    Where nobody may mount one, its marker is a pipe into which nobody writes, which holds up whoever reads it.
    """
    image = folder.with_name(f"{folder.name}.img")
    with image.open("wb") as file:
        file.truncate(16 * ROOM)
    is_mounted = os.geteuid() == 0 and _did("mkfs.ext4", "-q", image) and _did("mount", image, folder)
    marker, aside = folder / MARKER, folder / "aside"

    def hang(on: bool) -> None:  # noqa: FBT001  a switch
        if is_mounted:
            assert _did("fsfreeze", "--freeze" if on else "--unfreeze", folder)
        elif on:
            marker.rename(aside)
            os.mkfifo(marker)
        else:
            waiting = os.open(marker, os.O_RDWR)
            aside.rename(marker)
            os.close(waiting)

    try:
        yield hang
    finally:
        if is_mounted:
            _did("fsfreeze", "--unfreeze", folder)
            _did("umount", "--lazy", folder)
        image.unlink()


def _free(folder: Path) -> int:
    room = os.statvfs(folder)
    return room.f_bavail * room.f_frsize


def _did(program: str, *arguments: str | Path) -> bool:
    words = [shutil.which(program) or program, *arguments]
    return subprocess.run(words, check=False, capture_output=True).returncode == 0
