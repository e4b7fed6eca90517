"""Where programs may put footage while they run: a folder that the recorder itself accepts."""

from __future__ import annotations

import contextlib
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Final

from recorder_core.storage.folder_check import check_folder

from .ha_process import ROOT

LEAST_BYTES: Final = 3 * 10**9
_OWN: Final = ".demo"
_OTHERS: Final = ("/var/tmp", "/dev/shm")  # noqa: S108 - a private folder is made below


class NoPlaceError(Exception):
    """No folder will do; the message names each with its reason."""


def find_work_folder() -> Path:
    """Return the first of a few usual folders that the recorder would record to, with room for a demonstration."""
    reasons = []
    for folder in (ROOT / _OWN, Path(tempfile.gettempdir()), *map(Path, _OTHERS)):
        check = check_folder(folder)
        if check.problem is None and check.free_bytes >= LEAST_BYTES:
            folder.mkdir(exist_ok=True)
            return Path(tempfile.mkdtemp(prefix="library-", dir=folder))
        reasons.append(f"{folder}: {'too little room' if check.problem is None else check.problem}")
    raise NoPlaceError("there is no folder to record to; name one with --folder. " + " ".join(reasons))


def empty_folder(folder: Path) -> Path:
    """Return the folder that somebody named. Raises `NoPlaceError` if it holds anything, for it goes in the end."""
    if folder.exists() and not (folder.is_dir() and next(folder.iterdir(), None) is None):
        raise NoPlaceError(f"{folder} is no empty or new folder, and all that is in it would be removed at the end")
    return folder.absolute()


def remove_folder(folder: Path) -> None:
    """Remove a work folder with all that is in it."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.parent.name == _OWN:
        with contextlib.suppress(OSError):  # another demonstration has its folder there
            folder.parent.rmdir()


def free_port(wanted: int) -> int:
    """Return the wanted port of this machine if nobody listens there, else another one."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise NoPlaceError("this machine has no free port")
