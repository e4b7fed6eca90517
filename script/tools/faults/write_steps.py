"""The functions of the recorder that change files, by its source: none of them may be without a crash point.

A call counts by its name: those of `os`, `shutil`, `tempfile` and paths that change files, the recorder's own few
helpers for that, and the beginning of a writing transaction. Syncs of folders do not, see `crash`.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HELPERS: Final = frozenset({"write_private", "make_folders"})
_METHODS: Final = frozenset({"unlink", "mkdir", "rmdir", "rename", "touch", "write_bytes", "write_text", "rmtree"})
_OF_MODULES: Final = frozenset(
    {
        *(("os", name) for name in ("write", "writev", "pwrite", "pwritev", "fdatasync", "ftruncate", "truncate")),
        *(("os", name) for name in ("fsync", "replace", "link", "symlink", "sendfile", "copy_file_range")),
        *(("shutil", name) for name in ("copyfile", "copyfileobj", "copy", "move")),
        ("tempfile", "NamedTemporaryFile"),
    }
)
_FLAGS: Final = ("O_WRONLY", "O_RDWR", "O_CREAT")
_MODES: Final = frozenset("wax+")
_NO_STORAGE: Final = ("simulator/", "decoder/")
"""Folders that have nothing to do with what is kept."""


def writing_functions(root: Path) -> set[str]:
    """Return the functions below the package at `root` that change files, as `storage/files.write_private`."""
    found = set()
    for path in sorted(root.rglob("*.py")):
        module = str(path.relative_to(root).with_suffix(""))
        if not module.startswith(_NO_STORAGE):
            found |= {f"{module}.{name}" for name in _writing(ast.parse(path.read_text()), "<module>")}
    return found


def _writing(node: ast.AST, function: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _writing(child, child.name)
            continue
        if _changes_files(child):
            yield function
        yield from _writing(child, function)


def _changes_files(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(attr=name) if name in _METHODS:  # handed to a thread, it is not called here
            found = True
        case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr="_writing"), args=[]):
            found = True
        case ast.Call(func=ast.Name(id=name)) if name in _HELPERS:
            found = True
        case ast.Call(func=ast.Attribute(value=ast.Name(id="os"), attr="open")):
            text = ast.unparse(node)
            found = any(flag in text for flag in _FLAGS) and "O_TMPFILE" not in text
        case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=name)) if (owner, name) in _OF_MODULES:
            found = True
        case ast.Call(func=ast.Attribute(attr="open"), args=[ast.Constant(value=str(mode)), *_]):
            found = bool(_MODES & {*mode})
        case ast.Call(func=ast.Attribute(attr="replace"), args=[_], keywords=[]):  # a text's has two arguments
            found = True
        case _:
            found = False
    return found
