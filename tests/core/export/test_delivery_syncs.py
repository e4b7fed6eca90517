"""Copies in delivery folders outlive a power cut: what is called whole, or gone, is so on the disk first."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from recorder_core.export.delivery_copies import make_copy, remove_copy
from recorder_core.export.delivery_folders import mark
from recorder_core.export.delivery_records import RECORD
from recorder_core.models import DeliveryFolder
from recorder_core.service.delivery_care import planned

from .exported import lay_export

if TYPE_CHECKING:
    import pytest

CONTENT = b"pictures" * 1000
NAME = "hall-01234567"


def _steps(monkeypatch: pytest.MonkeyPatch, root: Path) -> list[str]:
    """Have syncs noted, with how much there is of a file then, and what takes a name or loses it."""
    steps: list[str] = []
    fsync, rename, rmdir = os.fsync, os.rename, os.rmdir

    def synced(fd: int) -> None:
        path = Path(f"/proc/self/fd/{fd}").readlink()
        steps.append(f"{path.relative_to(root)}{'' if path.is_dir() else f' {path.stat().st_size}'}")
        fsync(fd)

    def renamed(source: str, target: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        steps.append(f"{source} > {target}")
        rename(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    def removed(name: str, *, dir_fd: int) -> None:
        steps.append(f"{name} >")
        rmdir(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "rename", renamed)
    monkeypatch.setattr(os, "rmdir", removed)
    return steps


def test_a_copy_has_its_name_when_all_of_it_is_synced_and_is_gone_when_that_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "desk"
    place.mkdir()
    folder = DeliveryFolder(name="Desk", path=str(place))
    mark(folder)
    job = lay_export({tmp_path / "hall.mp4": CONTENT})
    delivery = planned("0123456789abcdef" * 2, job, folder, 1, 2)
    steps = _steps(monkeypatch, place)
    make_copy(delivery, job, "store", lambda: False)
    record = f".{NAME}/{RECORD} {(place / NAME / RECORD).stat().st_size}"
    whole = [f".{NAME}/hall.mp4 {len(CONTENT)}", f".{NAME}", f".{NAME} > {NAME}", "."]
    assert steps == [record, ".", *whole]
    steps.clear()
    remove_copy(delivery)
    assert steps == [NAME, f"{NAME} >", "."]
