"""Where a local recorder's socket lies: always the same place for the same data folder, so that it is found again.

The address of a Unix socket holds less than many a data folder's path.
"""

from __future__ import annotations

import os
import stat
from hashlib import sha256
from pathlib import Path
from typing import Final

ADDRESS_BYTES: Final = 107
"""What fits into the address of a Unix socket before its final zero (unix(7))."""

_NAME: Final = "recorder.sock"
_RUN: Final = Path("/run")
_TMP: Final = Path("/tmp")  # noqa: S108 - the folder below it is checked to be ours and closed to others


class UnsafeFolderError(OSError):
    """The folder for sockets belongs to somebody else or is open to others."""


def socket_path(index_path: Path) -> Path:
    """Return the socket's path for a data folder: inside it, or in this user's own folder when that is too long."""
    inside = index_path / _NAME
    if len(os.fsencode(inside)) <= ADDRESS_BYTES:
        return inside
    base = _RUN if os.access(_RUN, os.W_OK) else _TMP
    digest = sha256(os.fsencode(index_path)).hexdigest()[:16]
    return base / f"library-surveillance-{os.getuid()}" / f"{digest}.sock"


def prepare_folder(socket: Path) -> None:
    """Make sure that only this user can put a socket there. Raises `OSError`; blocking."""
    folder = socket.parent
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise UnsafeFolderError(f"{folder} is not a folder of this user alone")
