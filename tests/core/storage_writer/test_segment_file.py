"""One file on disk: whole up to its last fragment, whatever the disk does."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.media import TIMESCALE, Fragment, Sample
from recorder_core.mp4 import read_segment
from recorder_core.storage.segment_file import SegmentFile
from tests.core.roots import documented_root
from tests.core.storage.store import FORMAT, T0, S, Store, fragment

from .disks import file_size_limit

if TYPE_CHECKING:
    from recorder_core.storage.records import OpenFile


@pytest.fixture
def file(store: Store) -> OpenFile:
    """A file that is about to be written."""
    return store.file(store.run(), T0)


def _written(store: Store, file: OpenFile) -> SegmentFile:
    written = SegmentFile(store.handle.volume.path, file, FORMAT)
    written.create()
    return written


def big(number: int, size: int = 300_000) -> Fragment:
    """A fragment of a second with one sample of that size."""
    data = hashlib.sha256(b"%d" % number).digest() * (size // 32)
    sample = Sample(data, number * TIMESCALE, number * TIMESCALE, TIMESCALE, sync=True)
    return Fragment((sample,), T0 + number * S, T0 + (number + 1) * S)


def test_the_root_is_the_one_that_the_page_tells(store: Store, file: OpenFile) -> None:
    written = _written(store, file)
    spans = [written.append(fragment(T0 + at * S, at)) for at in range(3)]
    root = written.finish()
    data = store.path(file).read_bytes()
    assert root == documented_root(store.path(file))
    assert spans[-1].offset + spans[-1].size == len(data) == written.size
    assert [span.sync for span in spans] == [True, False, True]
    assert [span.duration for span in spans] == [TIMESCALE] * 3
    with store.path(file).open("rb") as opened:
        parsed = read_segment(opened)
    assert [(one.offset, one.size) for one in parsed.fragments] == [(span.offset, span.size) for span in spans]


def test_files_and_folders_are_private(store: Store, file: OpenFile) -> None:
    _written(store, file).finish()
    path = store.path(file)
    assert path.stat().st_mode & 0o777 == 0o600
    while (path := path.parent) != store.handle.volume.path:
        assert path.stat().st_mode & 0o777 == 0o700


def test_more_samples_than_one_call_can_write(store: Store, file: OpenFile) -> None:
    samples = tuple(Sample(b"%04d" % at, at, at, 1, sync=at == 0) for at in range(2500))
    written = _written(store, file)
    written.append(Fragment(samples, T0, T0 + S))
    root = written.finish()
    data = store.path(file).read_bytes()
    assert data.endswith(b"".join(sample.data for sample in samples))
    assert root == documented_root(store.path(file))


def test_a_file_with_sound_is_no_segment(store: Store, file: OpenFile) -> None:
    """Whatever put it there: what counts is what lies on the disk when the file is closed."""
    written = _written(store, file)
    written.append(fragment(T0))
    path = store.path(file)
    path.write_bytes(path.read_bytes().replace(b"vide", b"soun"))
    with pytest.raises(StorageError, match="The track is no video") as caught:
        written.finish()
    assert caught.value.code is ErrorCode.STORAGE_FAILED


def test_writes_that_take_only_a_part(store: Store, file: OpenFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel may always write less than it was given."""
    write = os.write
    monkeypatch.setattr(os, "writev", lambda fd, buffers: write(fd, b"".join(buffers)[:7]))
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, bytes(data[:1000])))
    written = _written(store, file)
    span = written.append(fragment(T0))
    monkeypatch.undo()
    assert written.finish() == documented_root(store.path(file))
    assert span.offset + span.size == store.path(file).stat().st_size


def test_a_write_that_breaks_off_leaves_whole_fragments(store: Store, file: OpenFile) -> None:
    """Half a fragment would hide whatever might follow it; and the file can go on when there is room again."""
    written = _written(store, file)
    with file_size_limit():
        spans = [written.append(big(at)) for at in range(3)]
        with pytest.raises(OSError, match="File too large"):
            written.append(big(3))
    assert store.path(file).stat().st_size == spans[-1].offset + spans[-1].size == written.size
    spans.append(written.append(big(3)))
    assert written.finish() == documented_root(store.path(file))
    with store.path(file).open("rb") as opened:
        assert len(read_segment(opened).fragments) == 4


def test_the_reference_names_the_presentation_of_the_first_sample(store: Store, file: OpenFile) -> None:
    """Where pictures are reordered it is shown later than it is decoded."""
    first = Sample(b"x" * 40, 0, TIMESCALE // 2, TIMESCALE, sync=True)
    written = _written(store, file)
    written.append(Fragment((first,), T0, T0 + S))
    written.finish()
    with store.path(file).open("rb") as opened:
        (parsed,) = read_segment(opened).fragments
    assert parsed.start_us == T0 + S // 2


def test_a_file_that_is_there_already_is_somebodys(store: Store, file: OpenFile) -> None:
    """It may be footage: neither overwritten nor removed."""
    path = store.path(file)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"evidence")
    other = SegmentFile(store.handle.volume.path, file, FORMAT)
    with pytest.raises(FileExistsError):
        other.create()
    other.discard()
    assert path.read_bytes() == b"evidence"


def test_discarding(store: Store, file: OpenFile) -> None:
    SegmentFile(store.handle.volume.path, file, FORMAT).discard()
    written = _written(store, file)
    written.discard()
    assert not store.path(file).exists()
    gone = _written(store, file)
    store.path(file).unlink()
    gone.discard()
    gone.release()


def test_a_sync_that_fails_leaves_no_descriptor_open(
    store: Store, file: OpenFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(5, "I/O error")

    written = _written(store, file)
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="I/O error"):
        written.finish()
    assert written._fd == -1


def test_nothing_is_written_below_a_folder_that_is_gone(store: Store, file: OpenFile) -> None:
    elsewhere = SegmentFile(store.handle.volume.path / "gone", replace(file), FORMAT)
    with pytest.raises(FileNotFoundError):
        elsewhere.create()
    assert not (store.handle.volume.path / "gone").exists()
