"""Settings and cameras are kept privately, whole, and across restarts."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.models import CameraConfig, Settings, SourceKind, VolumeConfig
from recorder_core.service.settings import SettingsFiles
from recorder_core.storage.files import write_private

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "hunter2"  # noqa: S105  a word to look for
CAMERA = CameraConfig(camera_id="a", name="A", url="rtsp://c/", password=PASSWORD, source=SourceKind.PYAV)


def test_nothing_saved_means_defaults(data: Path) -> None:
    files = SettingsFiles(data)
    assert (files.settings(), files.cameras()) == (Settings(), {})


def test_what_is_saved_comes_back(data: Path) -> None:
    settings = Settings(volumes=[VolumeConfig(path="/v", max_bytes=7)], time_zone="America/Denver")
    files = SettingsFiles(data)
    files.save_settings(settings)
    files.save_cameras([CAMERA])
    assert (SettingsFiles(data).settings(), SettingsFiles(data).cameras()) == (settings, {"a": CAMERA})


def test_the_store_keeps_its_first_id(data: Path) -> None:
    assert SettingsFiles(data).store_id("first") == "first"
    assert SettingsFiles(data).store_id("second") == "first"


def test_the_files_are_private_whatever_lay_there(data: Path) -> None:
    elsewhere = data / "elsewhere"
    elsewhere.touch(mode=0o644)
    (data / "cameras.json").touch(mode=0o644)
    (data / "cameras.json.new").symlink_to(elsewhere)
    SettingsFiles(data).save_cameras([CAMERA])
    assert stat.S_IMODE((data / "cameras.json").stat().st_mode) == 0o600
    assert elsewhere.read_bytes() == b""
    assert not (data / "cameras.json.new").exists()


def test_a_write_that_fails_leaves_the_old_file(data: Path) -> None:
    write_private(data / "file", b"old")
    with pytest.raises(TypeError):
        write_private(data / "file", "no bytes")  # type: ignore[arg-type]  # any failure while writing
    assert (data / "file").read_bytes() == b"old"


@pytest.mark.parametrize("content", [b"", b"{", b'{"cameras": 1}', b'{"cameras": [{"password": "hunter2"}]}', b"[]"])
def test_a_damaged_file_is_refused_without_its_content(data: Path, content: bytes) -> None:
    (data / "cameras.json").write_bytes(content)
    with pytest.raises(StorageError) as caught:
        SettingsFiles(data).cameras()
    assert caught.value.code is ErrorCode.SETTINGS_DAMAGED
    assert caught.value.placeholders == {"file": "cameras.json"}
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
