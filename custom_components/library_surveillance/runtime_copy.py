"""The copy of `recorder_core` that a local recorder runs from, so that an update never mixes code under a running one.

Blocking file work: call it in an executor. A copy appears under its final name only when it is whole.
"""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path
from typing import Final
from uuid import uuid4

import recorder_core

PACKAGE: Final = "recorder_core"
_DIGEST_CHARS: Final = 12


def install(root: Path) -> Path:
    """Return the folder below `root` that holds exactly the package that this process would import.

    Its name is `<version>-<digest>`. A copy that no longer matches its name is replaced. Raises `OSError`.
    """
    source = Path(recorder_core.__file__).parent
    digest = _digest(source)
    target = root / f"{recorder_core.__version__}-{digest[:_DIGEST_CHARS]}"
    if (target / PACKAGE).is_dir() and _digest(target / PACKAGE) == digest:
        return target
    root.mkdir(mode=0o700, exist_ok=True)
    shutil.rmtree(target, ignore_errors=True)  # what is left over makes the rename below fail, which is reported
    draft = root / f".draft-{uuid4().hex}"
    for name in _files(source):
        copy = draft / PACKAGE / name
        copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(source / name, copy)
        copy.chmod(0o600)
    draft.chmod(0o700)
    draft.rename(target)
    return target


def prune(root: Path, keep: Path) -> None:
    """Remove the copies that no recorder runs from any more. What cannot be removed stays until the next time."""
    for folder in root.iterdir():
        if folder != keep:
            shutil.rmtree(folder, ignore_errors=True)


def _files(package: Path) -> list[Path]:
    """Return the package's files relative to it, in a stable order, without compiled ones."""
    return sorted(
        path.relative_to(package) for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    )


def _digest(package: Path) -> str:
    """Return a digest over the names and contents of all files."""
    digest = sha256()
    for name in _files(package):
        content = (package / name).read_bytes()
        digest.update(f"{name.as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
