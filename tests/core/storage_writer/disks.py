"""Disks that refuse: full ones, read-only ones."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

ROOM = 1 << 20


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
def mounted_disk(folder: Path) -> Generator[bool]:
    """Put a disk of 1 MiB at `folder` and say that it is there; say no where nobody may mount one."""
    mount = [shutil.which("mount") or "mount", "-t", "tmpfs", "-o", f"size={ROOM},mode=0700", "tmpfs", str(folder)]
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
