"""Small disks that are really mounted: a filesystem in a file on a loop device, or in memory."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

_BYTES: Final = 48 << 20


class Disk:
    """A small ext4 filesystem in a file, mounted at a folder."""

    def __init__(self, image: Path, folder: Path) -> None:
        """Make the image and mount it."""
        self.folder = folder
        with image.open("wb") as file:
            file.truncate(_BYTES)
        do("mkfs.ext4", "-q", image)
        # One device for all its mounts: two on one image would not know of each other.
        self.device = do("losetup", "--find", "--show", image).strip()
        self.mount()

    def mount(self) -> None:
        """Put it at its folder."""
        self.folder.mkdir(exist_ok=True)
        do("mount", self.device, self.folder)

    def unmount(self) -> None:
        """Take it away, although files on it are open."""
        do("umount", "--lazy", self.folder)

    def close(self) -> None:
        """Give everything up."""
        while self.folder.is_mount():
            self.unmount()
        do("losetup", "--detach", self.device)


@contextlib.contextmanager
def disk(folder: Path, name: str) -> Generator[Disk]:
    """Give a disk that is mounted at `m` in a folder."""
    made = Disk(folder / f"{name}.img", folder / "m")
    try:
        yield made
    finally:
        made.close()


@contextlib.contextmanager
def in_memory(folder: Path, size: int) -> Generator[Path]:
    """Give a folder at which a filesystem of that many bytes is mounted; `resize` changes them."""
    place = folder / "m"
    place.mkdir(exist_ok=True)
    do("mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", place)
    try:
        yield place
    finally:
        do("umount", "--lazy", place)


def resize(place: Path, size: int) -> None:
    """Give a filesystem in memory another size."""
    do("mount", "-o", f"remount,size={size}", place)


def do(program: str, *arguments: str | Path) -> str:
    """Run a program and return what it prints. Raises `CalledProcessError`."""
    return subprocess.run([shutil.which(program) or program, *arguments], check=True, stdout=-1, text=True).stdout
