"""Ends the process that it runs in at a chosen step of its work on files, as by a power switch for processes.

A step is a call that changes a file, or a commit of the index, named by the two innermost functions of the recorder
that are at work: `storage/files.write_private<storage/hold_files.write_hold:replace`. What one step leaves is what the
next one finds, so it is enough to end after each, and in the middle of a write.

The sync of a file is a step, for what was written through a buffer shows there first. The sync of a folder or of a
filesystem is none: a kill takes nothing from the kernel, and what a missing sync costs is for `power` to find.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.engine.default import DefaultDialect

from recorder_core import errors

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

OS_CALLS: Final = (
    *("open", "mkdir", "write", "writev", "pwrite", "pwritev", "fsync", "fdatasync", "ftruncate", "truncate"),
    *("unlink", "rmdir", "rename", "replace", "link", "symlink", "sendfile", "copy_file_range"),
)
"""The calls of `os` that change files; `pathlib`, `shutil` and `tempfile` go through them, too."""

_TORN: Final = ("write", "writev")
_RECORDER: Final = str(Path(errors.__file__).parent)
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_COMMITS: Final = "storage/database._writing<"
_FOLDERS: Final = "storage/files.fsync_folder<"


@dataclass(frozen=True, slots=True)
class Crash:
    """Where the process is to end itself: at which passage of a step, in its middle or after it."""

    step: str
    side: str
    passage: int


def sides(step: str) -> tuple[str, ...]:
    """Return the sides on which a process may end at a step."""
    return ("torn", "after") if step.rpartition(":")[2] in _TORN else ("after",)


class Steps:
    """Notes the passages of each step, and ends the process at the one that was asked for."""

    def __init__(self, crash: Crash | None, steps: Path | None, died: Path | None) -> None:
        """Write the name of each step into the file `steps`, and the moment of the end into `died`."""
        self._crash = crash
        self._steps = None if steps is None else os.open(steps, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._died = died
        self._open, self._write = os.open, os.write
        self._passages = 0

    def meets(self, step: str) -> str | None:
        """Note a passage; return the side on which the process must end, if it is the one."""
        if self._steps is not None:
            self._write(self._steps, f"{step}\n".encode())
        if self._crash is None or step != self._crash.step:
            return None
        self._passages += 1
        return self._crash.side if self._passages == self._crash.passage else None

    def die(self) -> None:
        """End at once."""
        if self._died is not None:
            fd = self._open(self._died, os.O_WRONLY | os.O_CREAT, 0o600)
            self._write(fd, b"%d" % (time.time_ns() // 1000))
        os.kill(os.getpid(), signal.SIGKILL)


def watch(steps: Steps) -> None:
    """Put the steps into the calls that change files, and into the commits of the index."""
    for name in OS_CALLS:
        setattr(os, name, _watched(name, getattr(os, name), steps))
    DefaultDialect.do_commit = _watched("commit", DefaultDialect.do_commit, steps)  # type: ignore[method-assign]  # that is what it is for


# The calls that are wrapped have every kind of arguments and results: they are handed on as they are.
def _watched(name: str, call: Callable[..., Any], steps: Steps) -> Callable[..., Any]:  # Any: see above
    def watched(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  # see above
        caller = _at_work()
        if caller is None or not _changes(name, args, caller):
            return call(*args, **kwargs)
        side = steps.meets(f"{caller}:{name}")
        if side == "torn":
            data = b"".join(args[1]) if name == "writev" else bytes(args[1])
            try:
                call(args[0], [data[: len(data) // 2]] if name == "writev" else data[: len(data) // 2])
            finally:  # direct writes know no halves
                steps.die()
        try:
            return call(*args, **kwargs)
        finally:  # a call that failed has been made, too
            if side is not None:
                steps.die()

    return watched


def _changes(name: str, args: tuple[Any, ...], caller: str) -> bool:  # Any: see above
    """Whether a call makes, changes or removes anything that has a name."""
    if name == "open":
        return bool(args[1] & _WRITING) and args[1] & os.O_TMPFILE != os.O_TMPFILE
    if name == "commit":
        return caller.startswith(_COMMITS)
    return not caller.startswith(_FOLDERS)


def _at_work() -> str | None:
    """Return the two innermost functions of the recorder that are at work; None for what others do."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001  # the caller's name is what it is about
    names: list[str] = []
    while frame is not None and len(names) < 2:
        file = frame.f_code.co_filename
        if file.startswith(_RECORDER):
            module = file.removeprefix(_RECORDER).lstrip("/").removesuffix(".py")
            names.append(f"{module}.{frame.f_code.co_name}")
        frame = frame.f_back
    return "<".join(names) or None
