"""What a process did to its files, as strace(1) saw it: creations, writes, syncs, renames, removals, in their order.

Nothing is put into the process for that, so SQLite's writes are among them. Files that are mapped (SQLite's `-shm`) are
not: they hold nothing that has to last.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_CALLS: Final = (
    "openat,write,writev,pwrite64,ftruncate,fsync,fdatasync,syncfs,rename,renameat,renameat2,unlink,unlinkat,"
    "mkdir,mkdirat,lseek,close"
)
_LINE: Final = re.compile(r"(\d+) +(\d+)\.(\d{6}) (.*)")
_RESUMED: Final = re.compile(r"<\.\.\. \w+ resumed>(.*)")
_UNFINISHED: Final = " <unfinished ...>"
_CALL: Final = re.compile(r"(\w+)\((.*)\) += (-?\d+)")
_TEXT: Final = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


def traced(log: Path) -> tuple[str, ...]:
    """Return the command under which a program's work on files is written to `log`."""
    return (
        "strace",
        "-f",
        "-qq",
        "-ttt",
        "-xx",
        "-s",
        str(1 << 24),
        "--seccomp-bpf",
        "-e",
        f"trace={_CALLS}",
        "-o",
        str(log),
    )


class Did(Enum):
    """What was done."""

    CREATE = auto()
    WRITE = auto()
    TRUNCATE = auto()
    SYNC = auto()
    """A file's content, or a folder's entries."""
    SYNC_ALL = auto()
    """Everything below a folder, by syncfs(2)."""
    RENAME = auto()
    REMOVE = auto()
    FOLDER = auto()


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done to `path` at a UTC in microseconds; `at` is an offset, a size or nothing."""

    did: Did
    path: Path
    time_us: int
    at: int = 0
    data: bytes = b""
    target: Path | None = None


@dataclass(slots=True)
class _Open:
    path: Path
    position: int


def read_steps(log: Path, root: Path) -> Iterator[Step]:
    """Yield what was done to files below `root`, in the order in which it was finished."""
    files: dict[int, _Open] = {}
    for time_us, name, arguments, value in _calls(log):
        step = _READERS[name](files, arguments, value, time_us) if value >= 0 else None
        if step is not None and step.path.is_relative_to(root):
            yield step


def _calls(log: Path) -> Iterator[tuple[int, str, str, int]]:
    begun: dict[str, str] = {}
    with log.open() as file:
        for line in file:
            match = _LINE.fullmatch(line.rstrip("\n"))
            if match is None:
                continue
            thread, seconds, fraction, text = match.groups()
            if text.endswith(_UNFINISHED):
                begun[thread] = text.removesuffix(_UNFINISHED)
                continue
            if (resumed := _RESUMED.fullmatch(text)) is not None:
                text = begun.pop(thread) + resumed[1]
            if (call := _CALL.match(text)) is not None:
                yield int(seconds) * 1_000_000 + int(fraction), call[1], call[2], int(call[3])


def _bytes(arguments: str) -> list[bytes]:
    return [bytes.fromhex(text.replace("\\x", "")) for text in _TEXT.findall(arguments)]


def _paths(arguments: str) -> list[Path]:
    return [Path(text.decode()) for text in _bytes(arguments)]


def _fd(arguments: str) -> int:
    return int(arguments.partition(",")[0])


def _last(arguments: str) -> int:
    return int(arguments.rpartition(",")[2])


type _Files = dict[int, _Open]


def _openat(files: _Files, arguments: str, value: int, time_us: int) -> Step | None:
    path = _paths(arguments)[0]
    files[value] = _Open(path, 0)
    if "O_TRUNC" in arguments:
        return Step(Did.TRUNCATE, path, time_us)
    return Step(Did.CREATE, path, time_us) if "O_CREAT" in arguments else None


def _write(files: _Files, arguments: str, value: int, time_us: int) -> Step | None:
    if (file := files.get(_fd(arguments))) is None:
        return None
    file.position += value
    return Step(Did.WRITE, file.path, time_us, file.position - value, b"".join(_bytes(arguments))[:value])


def _pwrite(files: _Files, arguments: str, value: int, time_us: int) -> Step | None:
    if (file := files.get(_fd(arguments))) is None:
        return None
    return Step(Did.WRITE, file.path, time_us, _last(arguments), _bytes(arguments)[0][:value])


def _lseek(files: _Files, arguments: str, value: int, _time_us: int) -> None:
    if (file := files.get(_fd(arguments))) is not None:
        file.position = value


def _close(files: _Files, arguments: str, _value: int, _time_us: int) -> None:
    files.pop(_fd(arguments), None)


def _ftruncate(files: _Files, arguments: str, _value: int, time_us: int) -> Step | None:
    file = files.get(_fd(arguments))
    return None if file is None else Step(Did.TRUNCATE, file.path, time_us, _last(arguments))


def _fsync(files: _Files, arguments: str, _value: int, time_us: int) -> Step | None:
    file = files.get(_fd(arguments))
    return None if file is None else Step(Did.SYNC, file.path, time_us)


def _syncfs(files: _Files, arguments: str, _value: int, time_us: int) -> Step | None:
    file = files.get(_fd(arguments))
    return None if file is None else Step(Did.SYNC_ALL, file.path, time_us)


def _rename(_files: _Files, arguments: str, _value: int, time_us: int) -> Step:
    source, target = _paths(arguments)
    return Step(Did.RENAME, source, time_us, target=target)


def _unlink(_files: _Files, arguments: str, _value: int, time_us: int) -> Step:
    return Step(Did.REMOVE, _paths(arguments)[0], time_us)


def _mkdir(_files: _Files, arguments: str, _value: int, time_us: int) -> Step:
    return Step(Did.FOLDER, _paths(arguments)[0], time_us)


_READERS: Final[Mapping[str, Callable[[_Files, str, int, int], Step | None]]] = {
    "openat": _openat,
    "write": _write,
    "writev": _write,
    "pwrite64": _pwrite,
    "lseek": _lseek,
    "close": _close,
    "ftruncate": _ftruncate,
    "fsync": _fsync,
    "fdatasync": _fsync,
    "syncfs": _syncfs,
    "rename": _rename,
    "renameat": _rename,
    "renameat2": _rename,
    "unlink": _unlink,
    "unlinkat": _unlink,
    "mkdir": _mkdir,
    "mkdirat": _mkdir,
}
