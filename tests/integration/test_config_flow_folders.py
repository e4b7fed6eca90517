"""The folders and limits that a library may have: every refusal says why, and nothing is made of it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.library_surveillance.const import DOMAIN
from custom_components.library_surveillance.flow import folders
from recorder_core.errors import ErrorCode, StorageError
from recorder_core.storage.folder_check import FolderCheck, check_folder

from .conftest_flow import disk, set_up_entries  # noqa: F401 - fixtures
from .dialog import Dialog
from .library import Library

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

pytestmark = pytest.mark.usefixtures("set_up_entries")
ADVANCED: dict[str, dict[str, str]] = {"advanced": {}}


def mounted(monkeypatch: pytest.MonkeyPatch, place: Path, filesystem: str) -> None:
    """Let the kernel's table of mounts say that `place` is on such a file system."""
    table = place.parent / f"{place.name}-mountinfo"
    table.write_text(f"1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 8:2 / {place} rw - {filesystem} /dev/b rw\n")
    monkeypatch.setattr(folders, "check_folder", partial(check_folder, mountinfo=table))


def there(path: Path) -> bool:
    """Return whether something is there."""
    return path.exists()


async def _refused(hass: HomeAssistant, good: Path, errors: dict[str, str], **form: object) -> dict[str, str]:
    """Submit a form that is refused, see that nothing was made of it, then a good one; return what the refusal said."""
    defaults = {"min_free_gb": 10, "advanced": {}}
    libraries = len(hass.config_entries.async_entries(DOMAIN))
    dialog = await Dialog.add_library(hass, "local")
    await dialog.submit(**(defaults | form))
    assert (dialog.step, dialog.errors) == ("local", errors)
    values = dialog.values
    typed = {key: value for key, value in (defaults | form).items() if key != "advanced"}
    assert dialog.shown() == {**typed, **dict(form.get("advanced", {}))}  # type: ignore[call-overload]  # a section
    assert len(hass.config_entries.async_entries(DOMAIN)) == libraries
    await dialog.submit(footage_path=str(good), min_free_gb=10, **ADVANCED)
    assert dialog.step == "profile"
    assert not there(good)
    dialog.close()
    return values


@pytest.mark.usefixtures("disk")
@pytest.mark.parametrize("text", ["footage", "~/footage", "", "./footage", "/mnt/\0"])
async def test_a_folder_is_named_by_its_whole_path(hass: HomeAssistant, tmp_path: Path, text: str) -> None:
    """Anything else is refused, for the index too."""
    error = "folder_not_absolute"
    good = tmp_path / "good"
    assert await _refused(hass, good, {"footage_path": error}, footage_path=text) == {"folder": text}
    if text:
        await _refused(hass, good, {"advanced": error}, footage_path=str(tmp_path / "x"), advanced={"index_path": text})


@pytest.mark.usefixtures("disk")
@pytest.mark.parametrize("name", ["line\nbreak", "x" * 256, "ü" * 128])
async def test_names_that_no_folder_can_have(hass: HomeAssistant, tmp_path: Path, name: str) -> None:
    """The recorder would refuse them when the library is there already."""
    error, folder, good = "folder_name_unusable", str(tmp_path / name), tmp_path / ("x" * 255)
    assert await _refused(hass, good, {"footage_path": error}, footage_path=folder) == {"folder": folder, "most": "255"}
    await _refused(hass, good, {"advanced": error}, footage_path=str(tmp_path / "x"), advanced={"index_path": folder})


@pytest.mark.usefixtures("disk")
async def test_folders_that_home_assistant_serves(hass: HomeAssistant, tmp_path: Path) -> None:
    """Inside them, around them, and by way of a link, for footage and for the index."""
    media, allowed, good = tmp_path / "media", tmp_path / "allowed", tmp_path / "good"
    link = tmp_path / "link"
    media.mkdir()
    allowed.mkdir()
    link.symlink_to(media)
    hass.config.media_dirs = {"local": str(media)}
    hass.config.allowlist_external_dirs = {str(allowed)}
    config = hass.config.config_dir

    for folder, error, other in (
        (f"{config}/footage", "folder_in_config", config),
        (f"{config}/www/footage", "folder_in_config", config),
        (str(Path(config).parent), "folder_in_config", config),
        ("/", "folder_in_config", config),
        (str(media / "footage"), "folder_in_media", str(media)),
        (str(link / "footage"), "folder_in_media", str(media)),
        (str(allowed), "folder_in_allowlist", str(allowed)),
        (f"{good}/../allowed/x", "folder_in_allowlist", str(allowed)),
    ):
        values = await _refused(hass, good, {"footage_path": error}, footage_path=folder)
        assert values == {"folder": folder, "other": other}
    await _refused(
        hass,
        good,
        {"advanced": "folder_in_media"},
        footage_path=str(tmp_path / "x"),
        advanced={"index_path": str(media / "index")},
    )


@pytest.mark.usefixtures("disk")
async def test_folders_of_another_library(hass: HomeAssistant, place: Path, tmp_path: Path) -> None:
    """Two libraries share no folder; the refusal names the other one. A library elsewhere is in nobody's way."""
    library = Library(hass, place)
    elsewhere = {"recorder": "socket", "socket": "/run/other.sock", "profile": "hanson"}
    MockConfigEntry(domain=DOMAIN, title="Elsewhere", data=elsewhere).add_to_hass(hass)
    for folder in (library.footage_path, library.footage_path / "deeper", place, library.index_path):
        values = await _refused(hass, tmp_path / "good", {"footage_path": "folder_taken"}, footage_path=str(folder))
        assert values == {"folder": str(folder), "other": "Riverside Library"}
    assert len(hass.config_entries.async_entries(DOMAIN)) == 2


async def test_folders_that_cannot_be(hass: HomeAssistant, tmp_path: Path, place: Path) -> None:
    """A file, a folder in a file, one far from anything, one that the kernel does not let us write to."""
    file = tmp_path / "file"
    file.touch()
    good = tmp_path / "good"
    for folder, error in (
        (file, "not_a_folder"),
        (file / "footage", "not_a_folder"),
        (tmp_path / "not" / "there", "folder_missing"),
        (Path("/proc/footage"), "folder_missing"),
    ):
        values = await _refused(hass, good, {"footage_path": error}, footage_path=str(folder))
        assert values["folder"] == str(folder)
    await _refused(
        hass, good, {"advanced": "not_a_folder"}, footage_path=str(place / "x"), advanced={"index_path": str(file)}
    )


@pytest.mark.parametrize("filesystem", ["overlay", "aufs"])
async def test_a_container_s_own_layer(
    hass: HomeAssistant, tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch, filesystem: str
) -> None:
    """It is gone with the next update of the container, so neither footage nor index may lie there."""
    mounted(monkeypatch, place, filesystem)
    good = tmp_path / "good"
    bad = str(place / "footage")
    values = await _refused(hass, good, {"footage_path": "folder_on_overlay"}, footage_path=bad)
    assert (values["folder"], values["filesystem"]) == (bad, filesystem)
    await _refused(
        hass,
        good,
        {"advanced": "folder_on_overlay"},
        footage_path=str(tmp_path / "x"),
        advanced={"index_path": str(place / "index")},
    )


async def test_the_index_never_lies_on_the_network(
    hass: HomeAssistant, tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Footage may, once the index has a folder on a local disk."""
    mounted(monkeypatch, place, "nfs4")
    footage = str(place / "footage")
    values = await _refused(hass, tmp_path / "good", {"footage_path": "folder_on_network"}, footage_path=footage)
    assert (values["folder"], values["filesystem"]) == (footage, "nfs4")
    await _refused(
        hass,
        tmp_path / "good",
        {"advanced": "folder_on_network"},
        footage_path=str(tmp_path / "x"),
        advanced={"index_path": str(place / "index")},
    )
    dialog = await Dialog.add_library(hass, "local")
    await dialog.submit(footage_path=footage, min_free_gb=1, advanced={"index_path": str(tmp_path / "index")})
    assert dialog.step == "profile"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("volume_read_only", "folder_not_writable"),
        ("volume_full", "folder_full"),
        ("storage_failed", "folder_failed"),
    ],
)
async def test_what_else_the_recorder_says_against_a_folder(
    hass: HomeAssistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, error: str
) -> None:
    """A full or broken disk cannot be had in a test: the check's answer is given."""
    problem = StorageError(ErrorCode(code), "The disk is not well.")

    def checked(path: Path, **options: object) -> FolderCheck:
        found = check_folder(path, **options)  # type: ignore[arg-type]  # handed on as it came
        return found if path == tmp_path / "good" else FolderCheck(path, "ext4", 0, 0, problem)

    monkeypatch.setattr(folders, "check_folder", checked)
    bad = str(tmp_path / "bad")
    values = await _refused(hass, tmp_path / "good", {"footage_path": error}, footage_path=bad)
    assert values == {"folder": bad, "filesystem": "ext4", "detail": "The disk is not well."}


@pytest.mark.usefixtures("disk")
@pytest.mark.parametrize(
    ("limits", "errors"),
    [
        ({"min_free_gb": 0}, {"min_free_gb": "min_free_out_of_range"}),
        ({"min_free_gb": -5}, {"min_free_gb": "min_free_out_of_range"}),
        ({"min_free_gb": 10, "max_gb": 0}, {"max_gb": "max_out_of_range"}),
        ({"min_free_gb": 1e11}, {"min_free_gb": "min_free_out_of_range"}),
        ({"min_free_gb": 10, "max_gb": 1e11}, {"max_gb": "max_out_of_range"}),
        ({"min_free_gb": 10, "max_gb": 0.5}, {"max_gb": "max_out_of_range"}),
        ({"min_free_gb": 399.5}, {"min_free_gb": "too_little_space"}),
        ({"min_free_gb": 10, "max_gb": 991}, {"max_gb": "max_exceeds_disk"}),
        ({"min_free_gb": float("inf")}, {"min_free_gb": "min_free_out_of_range"}),
        ({"min_free_gb": 10, "max_gb": float("inf")}, {"max_gb": "max_out_of_range"}),
    ],
)
async def test_limits_that_make_no_sense(
    hass: HomeAssistant, tmp_path: Path, limits: dict[str, float], errors: dict[str, str]
) -> None:
    """Too little kept free, too little footage, more than the disk has."""
    values = await _refused(hass, tmp_path / "good", errors, footage_path=str(tmp_path / "x"), **limits)
    if {"too_little_space", "max_exceeds_disk"} & set(errors.values()):
        assert values == {"total_gb": "1000.0", "free_gb": "400.0"}


@pytest.mark.usefixtures("disk")
async def test_a_folder_that_fails_at_the_last_moment(hass: HomeAssistant, tmp_path: Path) -> None:
    """What was fine a page ago is looked at once more; the dialog goes back to the folder and nothing is created."""
    dialog = await Dialog.add_library(hass, "local")
    footage, index = tmp_path / "footage", tmp_path / "footage" / "deep" / "index"
    await dialog.submit(footage_path=str(footage), min_free_gb=10, advanced={"index_path": str(index)})
    await dialog.submit(profile="missoula")
    await dialog.submit(name="Missoula", cameras=3, mbit_s=4)

    footage.write_text("in the way")
    await dialog.choose("create")
    assert (dialog.step, dialog.errors) == ("local", {"footage_path": "not_a_folder"})

    footage.unlink()
    footage.mkdir()
    (footage / "deep").write_text("in the way")
    await dialog.submit(footage_path=str(footage), min_free_gb=10, advanced={"index_path": str(index)})
    await dialog.submit(profile="missoula")
    await dialog.submit(name="Missoula", cameras=3, mbit_s=4)
    await dialog.choose("create")
    assert (dialog.step, dialog.errors) == ("local", {"footage_path": "folder_failed"})
    assert dialog.values == {"folder": str(footage / "deep"), "detail": "File exists"}
    assert hass.config_entries.async_entries(DOMAIN) == []

    (footage / "deep").unlink()
    await dialog.submit(footage_path=str(footage), min_free_gb=10, advanced={"index_path": str(index)})
    await dialog.submit(profile="missoula")
    await dialog.submit(name="Missoula", cameras=3, mbit_s=4)
    await dialog.choose("create")
    assert dialog.created
