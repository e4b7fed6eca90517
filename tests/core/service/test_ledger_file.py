"""A copy of the ledger: only added to, and checked by the program that the documentation has."""

from __future__ import annotations

import re
import stat
import sys
from contextlib import redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.models import LedgerKind
from recorder_core.service.ledger_file import append_copy, read_copy
from recorder_core.storage.read_only import ledger_entries, read_only
from tests.core.storage.store import T0, Store

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAGE = Path(__file__).parents[3] / "docs" / "recorder.md"
_PROGRAMS = re.findall(r"```python\n(.*?)```", _PAGE.read_text(encoding="utf-8"), re.DOTALL)
[_CHECK] = [compile(program, _PAGE, "exec") for program in _PROGRAMS if "previous" in program]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with two entries."""
    store = Store(tmp_path)
    store.index.append_to_ledger(LedgerKind.SETTINGS, T0, {"name": "Größe", "line": "a\nb"})
    yield store
    store.index.close()


def _export(store: Store, path: Path) -> tuple[int, int]:
    with read_only(store.index.path) as connection:
        return append_copy(path, partial(ledger_entries, connection))


def _documented(path: Path) -> str:
    """Run the page's own program on a copy; return what it says."""
    with patch.object(sys, "argv", ["", str(path)]), redirect_stdout(StringIO()) as printed:
        exec(_CHECK, {})  # noqa: S102 - the page's program is what is to be shown right
    return printed.getvalue()


def test_a_copy_grows_and_is_never_written_anew(store: Store, tmp_path: Path) -> None:
    """It is private, holds every entry once, and a line that a crash cut off is made whole."""
    path = tmp_path / "ledger.jsonl"
    assert _export(store, path) == (2, 2)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first = path.read_bytes()
    assert _export(store, path) == (0, 2)
    store.index.append_to_ledger(LedgerKind.DELETED, T0, {})
    path.write_bytes(first + b'{"seq": 3, "at')
    assert len(list(read_copy(path))) == 2
    assert _export(store, path) == (1, 3)
    assert path.read_bytes().startswith(first)
    entries = store.index.ledger(0, 10).entries
    assert list(read_copy(path)) == entries
    assert entries[-1].hash in _documented(path)


@pytest.mark.parametrize("line", [0, 1])
def test_the_program_of_the_page_finds_what_was_changed(store: Store, tmp_path: Path, line: int) -> None:
    """A body, and a line that is gone."""
    path = tmp_path / "ledger.jsonl"
    _export(store, path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines).replace(b"Gr", b"gr"))
    with pytest.raises(SystemExit, match="entry 2 is not"):
        _documented(path)
    path.write_bytes(b"".join(lines[:line] + lines[line + 1 :]) or b"")
    if line == 0:
        with pytest.raises(SystemExit, match="entry 1 is not"):
            _documented(path)
    else:
        assert "1 entries" in _documented(path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'{"seq":2,"at_us":0,"kind":"begun","body":"","previous":"","hash":""}\n', "not a copy of this ledger"),
        (b'{"seq":9,"at_us":0,"kind":"begun","body":"","previous":"","hash":""}\n', "not a copy of this ledger"),
        (b"something else\n", "no copy of a ledger"),
    ],
)
def test_nothing_is_added_to_what_is_no_copy(store: Store, tmp_path: Path, content: bytes, sentence: str) -> None:
    """Such a file stays as it is."""
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(content)
    with pytest.raises(StorageError, match=sentence) as caught:
        _export(store, path)
    assert caught.value.code is ErrorCode.STORAGE_FAILED
    assert path.read_bytes() == content


def test_an_index_that_is_none_is_told_so(tmp_path: Path) -> None:
    """Whenever it shows."""
    path = tmp_path / "index.sqlite"
    path.write_bytes(b"no database" * 100)
    with pytest.raises(StorageError) as caught, read_only(path) as connection:
        list(ledger_entries(connection, 0))
    assert caught.value.code is ErrorCode.INDEX_DAMAGED
