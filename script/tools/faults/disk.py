"""A disk as a power cut leaves it: what was synced is there, what was not may be, whole, in pieces or not at all.

A file's content lasts from the sync of the file on, its name from the sync of its folder on; syncfs(2) does both
for all that lies below. Nothing else is relied on, whatever a filesystem may do beyond that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from .disk_log import Did, Step

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

_BLOCK: Final = 4096


@dataclass(slots=True, eq=False)
class _File:
    content: bytearray = field(default_factory=bytearray)
    synced: bytes = b""


@dataclass(slots=True)
class Disk:
    """The files below a folder, as programs see them and as they last."""

    names: dict[Path, _File | None] = field(default_factory=dict)
    """A folder is None."""
    lasting: dict[Path, _File | None] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Path) -> Disk:
        """Take what lies below a folder now for synced."""
        disk = cls()
        for path in sorted(root.rglob("*")):
            if path.is_dir():
                disk.names[path] = None
            elif path.is_file():
                content = path.read_bytes()
                disk.names[path] = _File(bytearray(content), content)
        disk.lasting = dict(disk.names)
        return disk

    def do(self, step: Step) -> None:
        """Follow a process by one step."""
        match step.did:
            case Did.CREATE:
                self.names.setdefault(step.path, _File())
            case Did.FOLDER:
                self.names.setdefault(step.path, None)
            case Did.REMOVE:
                self.names.pop(step.path, None)
            case Did.RENAME if step.target is not None and step.path in self.names:
                self.names[step.target] = self.names.pop(step.path)
            case Did.SYNC_ALL:
                self._sync_all(step.path)
            case Did.SYNC if step.path in self.names or any(path.parent == step.path for path in self.names):
                self._sync(step.path, self.names.get(step.path))
            case Did.WRITE | Did.TRUNCATE if (file := self.names.get(step.path)) is not None:
                _change(file, step)
            case _:  # a file that was removed while it was open
                pass

    def _sync(self, path: Path, file: _File | None) -> None:
        if file is None:
            self._sync_entries(path)
        else:
            file.synced = bytes(file.content)

    def put(self, root: Path, random: Random | None) -> None:
        """Write the disk to `root`: all that was not synced is lost, or with `random` any of it is."""
        names = {path: file for path, file in self._surviving(random).items() if path.is_relative_to(root)}
        for path, file in sorted(names.items()):
            if not path.parent.is_dir():
                continue  # its folder's own name was lost
            if file is None:
                path.mkdir(0o700)
            else:
                path.write_bytes(file.synced if random is None else _in_pieces(file, random))
                path.chmod(0o600)

    def _surviving(self, random: Random | None) -> dict[Path, _File | None]:
        if random is None:
            return self.lasting
        folders = {path.parent for path in self.names.keys() | self.lasting.keys()}
        kept = {folder for folder in sorted(folders) if random.random() < 0.5}
        older = {path: file for path, file in self.lasting.items() if path.parent not in kept}
        return older | {path: file for path, file in self.names.items() if path.parent in kept}

    def _sync_entries(self, folder: Path) -> None:
        for path in [path for path in self.lasting if path.parent == folder and path not in self.names]:
            del self.lasting[path]
        self.lasting |= {path: file for path, file in self.names.items() if path.parent == folder}

    def _sync_all(self, folder: Path) -> None:
        for path in [path for path in self.lasting if path.is_relative_to(folder) and path not in self.names]:
            del self.lasting[path]
        for path, file in self.names.items():
            if path.is_relative_to(folder):
                self.lasting[path] = file
                if file is not None:
                    file.synced = bytes(file.content)


def _change(file: _File, step: Step) -> None:
    if step.did is Did.TRUNCATE:
        del file.content[step.at :]
    else:
        file.content.extend(bytes(max(step.at + len(step.data) - len(file.content), 0)))
        file.content[step.at : step.at + len(step.data)] = step.data


def _in_pieces(file: _File, random: Random) -> bytes:
    """Return a content of which any block that was not synced is as it was, or as it was to be."""
    old, new = file.synced, bytes(file.content)
    if old == new:
        return new
    size = random.choice((len(old), len(new), random.randint(min(len(old), len(new)), max(len(old), len(new)))))
    content = bytearray(old[:size].ljust(size, b"\0"))
    for begin in range(0, size, _BLOCK):
        if random.random() < 0.5:
            block = new[begin : min(begin + _BLOCK, size)]
            content[begin : begin + len(block)] = block
    return bytes(content)
