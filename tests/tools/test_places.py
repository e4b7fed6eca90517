"""Where the demonstration may go: a folder that the recorder accepts, and a port that is free."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from recorder_core.storage.folder_check import check_folder
from script.tools import places
from script.tools.places import NoPlaceError, empty_folder, find_work_folder, free_port, remove_folder

if TYPE_CHECKING:
    from pathlib import Path


def test_finds_a_folder_that_the_recorder_records_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is new, private, and lies in the first place that will do."""
    monkeypatch.setattr(places, "ROOT", tmp_path / "checkout")
    (tmp_path / "checkout").mkdir()
    folder = find_work_folder()
    assert folder.is_relative_to(tmp_path / "checkout" / ".demo")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert check_folder(folder / "footage").problem is None


def test_what_it_found_is_removed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the folder above it, as soon as the last one has gone."""
    monkeypatch.setattr(places, "ROOT", tmp_path)
    first, second = find_work_folder(), find_work_folder()
    (first / "footage").mkdir()
    remove_folder(first)
    assert list(tmp_path.iterdir()) == [second.parent]
    remove_folder(second)
    assert list(tmp_path.iterdir()) == []


def test_what_somebody_named_goes_alone(tmp_path: Path) -> None:
    """The folder above it is theirs."""
    named = tmp_path / "mine" / "demo"
    named.mkdir(parents=True)
    remove_folder(named)
    assert list((tmp_path / "mine").iterdir()) == []


def test_names_every_place_that_will_not_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who has another place can name it."""
    monkeypatch.setattr(places, "LEAST_BYTES", 1 << 62)
    with pytest.raises(NoPlaceError, match=r"name one with --folder.*/\.demo: too little room.*/dev/shm: "):
        find_work_folder()


def test_a_named_folder_must_be_new_or_empty(tmp_path: Path) -> None:
    """It is removed at the end, with all that is in it."""
    (tmp_path / "empty").mkdir()
    for name in ("new", "empty"):
        assert empty_folder(tmp_path / name) == tmp_path / name
    (tmp_path / "file").write_bytes(b"x")
    for folder in (tmp_path, tmp_path / "file"):
        with pytest.raises(NoPlaceError, match="would be removed"):
            empty_folder(folder)


def test_another_port_is_taken_where_the_wanted_one_is_not_free() -> None:
    """Two demonstrations may run side by side."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted = taken.getsockname()[1]
        assert free_port(wanted) not in {0, wanted}
    assert free_port(wanted) == wanted
