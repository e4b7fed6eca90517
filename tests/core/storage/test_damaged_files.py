"""A byte that the disk has lost costs what it stood in, never the footage behind it (invariants 3 and 7)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from recorder_core.models import HoldRequest
from recorder_core.mp4.fragment import DIGESTS_UUID
from recorder_core.mp4.reader import read_segment
from recorder_core.storage import traces
from recorder_core.storage.rebuild import Rebuilt, rebuild
from recorder_core.storage.rebuild_rows import Finding
from recorder_core.storage.reconcile import Reconciled, reconcile

from .store import T0, S, Store

if TYPE_CHECKING:
    from pathlib import Path

    from recorder_core.storage.records import OpenFile, Segment

_FRAGMENTS = 20
"""More than a power cut can have torn."""


def _recorded(store: Store) -> Segment:
    """A closed segment that is held, as all of its camera is."""
    segment = store.record(store.run(), T0, fragments=_FRAGMENTS)
    request = HoldRequest(camera_ids=["entrance"], start_us=T0, end_us=None)
    store.index.place_hold(request, hold_id="a" * 32, now_us=T0)
    return segment


def _opened(store: Store, fragments: int = _FRAGMENTS) -> OpenFile:
    """A file as a killed recorder leaves it."""
    file = store.file(store.run(), T0)
    store.write(file, fragments)[0].release()
    return file


def _overwrite(path: Path, offset: int, data: bytes = b"\x99") -> bytes:
    """Damage a file; return what is in it from now on."""
    with path.open("r+b") as file:
        os.pwrite(file.fileno(), data, offset)
    return path.read_bytes()


def _beginning_of(path: Path, number: int) -> int:
    """Where a fragment begins, plus a little: within the kind of its first box."""
    return read_segment(path).fragments[number].offset + 5


@pytest.mark.parametrize("number", [1, 9, _FRAGMENTS - 2])
def test_a_rebuild_cuts_nothing_where_fragments_follow(store: Store, number: int) -> None:
    """What stands before the damage has a row, which says that the file is not as it was."""
    segment = _recorded(store)
    path = store.path(segment)
    damaged = _overwrite(path, _beginning_of(path, number))
    store.lose_index()
    assert rebuild(store.index, [store.handle]) == Rebuilt(adopted=1, changed=1)
    assert path.read_bytes() == damaged
    found = store.index.segment(segment.segment_id)
    assert found is not None
    assert found.fragments == segment.fragments[:number]
    assert store.index.findings() == {segment.segment_id: Finding.CHANGED}
    assert rebuild(store.index, [store.handle]) == Rebuilt(known=1, changed=1)
    assert path.read_bytes() == damaged


def test_a_rebuild_leaves_a_file_alone_whose_first_fragment_is_damaged(store: Store) -> None:
    """To a reader that goes in order it holds nothing."""
    path = store.path(_recorded(store))
    damaged = _overwrite(path, _beginning_of(path, 0))
    store.lose_index()
    for _ in range(2):
        assert rebuild(store.index, [store.handle]) == Rebuilt(unreadable=1)
        assert path.read_bytes() == damaged


def test_a_start_leaves_a_file_alone_whose_beginning_is_damaged(store: Store) -> None:
    """Its init segment, or its first fragment; the row that pointed to it goes, the time is for a gap."""
    for number in range(2):
        file = _opened(store) if number == 0 else store.file(store.run(run_id="run-2"), T0)
        path = store.path(file)
        if number == 1:
            store.write(file, _FRAGMENTS)[0].release()
        damaged = _overwrite(path, 0, bytes(64)) if number == 0 else _overwrite(path, _beginning_of(path, 0))
        assert reconcile(store.index, [store.handle]) == Reconciled(foreign=1)
        assert path.read_bytes() == damaged
        assert (store.index.open_files(), store.index.garbage(store.volume_id)) == ([], [])


@pytest.mark.parametrize("what", ["header", "picture"])
def test_a_start_cuts_nothing_that_was_synced_long_ago(store: Store, what: str) -> None:
    """Damage early in an open file is no torn end; a picture that is not as recorded is for `verify` to name."""
    file = _opened(store)
    path = store.path(file)
    fragment = read_segment(path).fragments[2]
    damaged = _overwrite(path, fragment.offset + 5 if what == "header" else fragment.samples[0].offset)
    [segment] = reconcile(store.index, [store.handle]).salvaged
    assert path.read_bytes() == damaged
    assert len(segment.fragments) == (2 if what == "header" else _FRAGMENTS)


@pytest.mark.parametrize("fragments", [3, 8])
def test_what_a_power_cut_tore_is_cut_as_ever(store: Store, fragments: int) -> None:
    """Though later fragments reached the disk: all of it is of the last seconds."""
    file = _opened(store, fragments)
    path = store.path(file)
    end = read_segment(path).fragments[1].offset
    _overwrite(path, end, bytes(512))
    [segment] = reconcile(store.index, [store.handle]).salvaged
    assert (len(segment.fragments), segment.size, path.stat().st_size) == (1, end, end)


def test_a_beginning_is_seen_once_wherever_it_is_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it lies across the end of what is read at once; bytes that only look like one are none."""
    path = store.path(_recorded(store))
    wanted = {one.offset: one.start_us for one in read_segment(path).fragments}
    for size in (1, 41, 63, 64, 1000, 1 << 20):
        monkeypatch.setattr(traces, "_READ_BYTES", size)
        assert traces.fragments_begun(path, 0) == wanted
    first, *rest = wanted
    assert traces.fragments_begun(path, first + 1) == {at: wanted[at] for at in rest}
    (other := path.with_name("other")).write_bytes(b"\0" * 99 + DIGESTS_UUID + b"\0" * 99 + DIGESTS_UUID)
    assert traces.fragments_begun(other, 0) == {}
    assert traces.is_torn_end(other, 0)
    assert max(wanted.values()) == T0 + (_FRAGMENTS - 1) * S
