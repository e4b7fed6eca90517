"""The small parts that touch files: the runtime copy, the socket's place, the vendored package."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import recorder_core
from custom_components.library_surveillance import runtime_copy, socket_path as sockets, vendor
from custom_components.library_surveillance.socket_path import UnsafeFolderError, prepare_folder, socket_path
from recorder_core import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_a_copy_holds_the_package_and_no_more(tmp_path: Path) -> None:
    """It is private, named by version and digest, and made once."""
    root = tmp_path / "runtime"

    copy = runtime_copy.install(root)

    package = Path(recorder_core.__file__).parent
    assert copy.name.startswith(f"{__version__}-")
    assert (copy / "recorder_core" / "media.py").read_bytes() == (package / "media.py").read_bytes()
    assert not list(copy.rglob("__pycache__"))
    assert {path.stat().st_mode & 0o077 for path in [root, *root.rglob("*")]} == {0}
    made = copy.stat().st_mtime_ns
    assert runtime_copy.install(root) == copy
    assert copy.stat().st_mtime_ns == made


def test_a_damaged_copy_is_replaced(tmp_path: Path) -> None:
    """What runs is what is installed."""
    copy = runtime_copy.install(tmp_path)
    damaged = copy / "recorder_core" / "errors.py"
    damaged.write_text("")

    assert runtime_copy.install(tmp_path) == copy

    assert damaged.read_text()
    assert [path.name for path in tmp_path.iterdir()] == [copy.name]


def test_only_the_copy_in_use_is_kept(tmp_path: Path) -> None:
    """Old versions and half-made copies do not pile up."""
    copy = runtime_copy.install(tmp_path)
    (tmp_path / "0.0.1-abc" / "recorder_core").mkdir(parents=True)
    (tmp_path / ".draft-1").mkdir()

    runtime_copy.prune(tmp_path, copy)

    assert list(tmp_path.iterdir()) == [copy]


def test_a_short_path_keeps_the_socket_in_the_data_folder() -> None:
    """The address holds 107 bytes; a byte more and the socket moves."""
    longest = Path("/") / ("x" * (107 - len("//recorder.sock")))
    assert socket_path(longest) == longest / "recorder.sock"
    assert len(os.fsencode(socket_path(longest))) == 107
    moved = socket_path(Path(f"{longest}y"))
    assert moved.parent.name == f"library-surveillance-{os.getuid()}"
    assert len(os.fsencode(moved)) < 107
    assert moved == socket_path(Path(f"{longest}y"))
    assert moved != socket_path(Path(f"{longest}z"))


def test_without_a_writable_run_folder_sockets_lie_with_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user without rights on /run has a place, too."""
    monkeypatch.setattr(sockets, "_RUN", tmp_path / "missing")
    assert socket_path(Path("/") / ("x" * 120)).parents[1] == Path("/tmp")  # noqa: S108 - the place that is meant


def test_the_folder_for_sockets_is_private(tmp_path: Path) -> None:
    """It is made private, and refused when others could put something there or lead it elsewhere."""
    socket = tmp_path / "sockets" / "a.sock"
    prepare_folder(socket)
    assert socket.parent.stat().st_mode & 0o777 == 0o700
    prepare_folder(socket)

    socket.parent.chmod(0o755)
    with pytest.raises(UnsafeFolderError):
        prepare_folder(socket)

    elsewhere = tmp_path / "link"
    socket.parent.chmod(0o700)
    elsewhere.symlink_to(socket.parent)
    with pytest.raises(UnsafeFolderError):
        prepare_folder(elsewhere / "a.sock")


@pytest.fixture
def path() -> Iterator[None]:
    """Python's path as it was, afterwards."""
    before = sys.path.copy()
    yield
    sys.path[:] = before


@pytest.mark.usefixtures("path")
def test_the_vendored_package_is_the_last_resort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is on the path only where nothing else offers the name, and then at its end."""
    vendor.make_importable(tmp_path)
    assert str(tmp_path) not in sys.path

    monkeypatch.setattr(vendor, "find_spec", lambda _: None)
    vendor.make_importable(tmp_path)
    assert sys.path[-1] == str(tmp_path)
