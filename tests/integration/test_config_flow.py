"""Adding a library: folder, limits, profile, name, summary; and everything that is refused on the way."""

from __future__ import annotations

import stat
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.library_surveillance.const import DOMAIN
from custom_components.library_surveillance.flow import folders
from recorder_core.errors import ErrorCode, StorageError
from recorder_core.storage.folder_check import FolderCheck, check_folder

from .dialog import Dialog
from .library import Library

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homeassistant.core import HomeAssistant

GB = 1_000_000_000
ADVANCED: dict[str, dict[str, str]] = {"advanced": {}}


@pytest.fixture(autouse=True)
def set_up_entries() -> Iterator[list[MockConfigEntry]]:
    """Nothing that a dialog creates here is set up: these tests are about dialogs."""
    with pytest.MonkeyPatch.context() as patch:
        created: list[MockConfigEntry] = []

        async def set_up(_: HomeAssistant, entry: MockConfigEntry) -> bool:
            created.append(entry)
            return True

        patch.setattr("custom_components.library_surveillance.async_setup_entry", set_up)
        yield created


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk of 1000 GB with 400 GB free, whatever the machine has."""

    def checked(path: Path, **options: object) -> FolderCheck:
        found = check_folder(path, **options)  # type: ignore[arg-type]  # handed on as it came
        return FolderCheck(found.path, "ext4", 1000 * GB, 400 * GB, found.problem)

    monkeypatch.setattr(folders, "check_folder", checked)


def mounted(monkeypatch: pytest.MonkeyPatch, place: Path, filesystem: str) -> None:
    """Let the kernel's table of mounts say that `place` is on such a file system."""
    table = place.parent / f"{place.name}-mountinfo"
    table.write_text(f"1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 8:2 / {place} rw - {filesystem} /dev/b rw\n")
    monkeypatch.setattr(folders, "check_folder", partial(check_folder, mountinfo=table))


@pytest.mark.usefixtures("disk")
async def test_a_library_with_a_recorder_of_its_own(
    hass: HomeAssistant, tmp_path: Path, set_up_entries: list[MockConfigEntry]
) -> None:
    """From the first question to the entry; the folders are made at the end, for this user alone."""
    dialog = await Dialog.add_library(hass)
    assert dialog.options == ["local", "socket", "url"]
    await dialog.choose("local")
    assert (dialog.step, dialog.errors, dialog.shown()) == ("local", {}, {})

    footage = tmp_path / "footage"
    await dialog.submit(footage_path=f" {footage} ", min_free_gb=50, max_gb=200, **ADVANCED)
    assert dialog.step == "profile"
    await dialog.submit(profile="missoula")
    assert dialog.step == "library"
    await dialog.submit(name=" Missoula Public Library ", cameras=11, mbit_s=4)

    assert dialog.step == "confirm_local"
    assert dialog.options == ["create", "library", "local"]
    assert dialog.values == {
        "library": "Missoula Public Library",
        "footage": str(footage),
        "index": str(footage / "recorder"),
        "filesystem": "ext4",
        "total_gb": "1000.0",
        "free_gb": "400.0",
        "usable_gb": "200.0",
        "cameras": "11",
        "mbit_s": "4",
        "gb_per_day": "475.2",
        "days": "0.4",
    }
    assert not footage.exists()
    await dialog.choose("create")

    assert dialog.created
    [entry] = hass.config_entries.async_entries(DOMAIN)
    assert entry.title == "Missoula Public Library"
    assert entry.unique_id == f"local:{footage / 'recorder'}"
    assert entry.data == {
        "recorder": "local",
        "footage_path": str(footage),
        "index_path": str(footage / "recorder"),
        "min_free_gb": 50,
        "max_gb": 200,
        "profile": "missoula",
    }
    assert set_up_entries == [entry]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (footage, footage / "recorder")] == [0o700, 0o700]


@pytest.mark.usefixtures("disk")
async def test_the_summary_leads_back_to_every_form(hass: HomeAssistant, tmp_path: Path) -> None:
    """What was typed stands there again, and the estimate follows the change. No limit is None, never zero."""
    dialog = await Dialog.add_library(hass, "local")
    await dialog.submit(footage_path=str(tmp_path / "a"), min_free_gb=50, max_gb=100, **ADVANCED)
    await dialog.submit(profile="hanson")
    await dialog.submit(name="Hanson", cameras=5, mbit_s=2.5)
    assert dialog.values["days"] == "0.7"

    await dialog.choose("library")
    assert dialog.shown() == {"name": "Hanson", "cameras": 5, "mbit_s": 2.5}
    await dialog.submit(name="Hanson Public Library", cameras=1, mbit_s=1)
    assert (await dialog.look_again()).values["days"] == "9.3"

    await dialog.choose("local")
    assert dialog.shown() == {"footage_path": str(tmp_path / "a"), "min_free_gb": 50, "max_gb": 100}
    index = tmp_path / "index"
    await dialog.submit(footage_path=str(tmp_path / "b"), min_free_gb=50, advanced={"index_path": str(index)})
    assert dialog.shown() == {"profile": "hanson"}
    await dialog.submit(profile="arapahoe")
    await dialog.submit(**dialog.shown())
    assert dialog.values["usable_gb"] == "350.0"
    assert dialog.values["days"] == "32"
    await dialog.choose("create")

    [entry] = hass.config_entries.async_entries(DOMAIN)
    assert entry.title == "Hanson Public Library"
    assert entry.data == {
        "recorder": "local",
        "footage_path": str(tmp_path / "b"),
        "index_path": str(index),
        "min_free_gb": 50,
        "max_gb": None,
        "profile": "arapahoe",
    }
    assert not (tmp_path / "a").exists()
    assert index.is_dir()


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
        ({"min_free_gb": 0}, {"min_free_gb": "min_free_too_small"}),
        ({"min_free_gb": -5}, {"min_free_gb": "min_free_too_small"}),
        ({"min_free_gb": 10, "max_gb": 0}, {"max_gb": "max_too_small"}),
        ({"min_free_gb": 10, "max_gb": 0.5}, {"max_gb": "max_too_small"}),
        ({"min_free_gb": 399.5}, {"min_free_gb": "too_little_space"}),
        ({"min_free_gb": 10, "max_gb": 991}, {"max_gb": "max_exceeds_disk"}),
        ({"min_free_gb": float("inf")}, {"min_free_gb": "too_little_space"}),
        ({"min_free_gb": 10, "max_gb": float("inf")}, {"max_gb": "max_exceeds_disk"}),
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
@pytest.mark.parametrize(
    ("form", "errors", "values"),
    [
        ({"name": "  "}, {"name": "name_required"}, {}),
        ({"name": "x" * 257}, {"name": "name_unusable"}, {"most": "256"}),
        ({"cameras": 0}, {"cameras": "cameras_out_of_range"}, {"most": "1000"}),
        ({"cameras": 1.5}, {"cameras": "cameras_out_of_range"}, {"most": "1000"}),
        ({"cameras": 1001}, {"cameras": "cameras_out_of_range"}, {"most": "1000"}),
        ({"mbit_s": 0}, {"mbit_s": "mbit_s_out_of_range"}, {"most": "1000"}),
        ({"mbit_s": float("inf")}, {"mbit_s": "mbit_s_out_of_range"}, {"most": "1000"}),
    ],
)
async def test_names_and_figures_that_no_library_has(
    hass: HomeAssistant, tmp_path: Path, form: dict[str, object], errors: dict[str, str], values: dict[str, str]
) -> None:
    """They are refused at their field, and the dialog goes on from there."""
    dialog = await Dialog.add_library(hass, "local")
    await dialog.submit(footage_path=str(tmp_path / "x"), min_free_gb=10, **ADVANCED)
    await dialog.submit(profile="arapahoe")
    good = {"name": "Arapahoe", "cameras": 3, "mbit_s": 4}
    await dialog.submit(**(good | form))
    assert (dialog.step, dialog.errors, dialog.values) == ("library", errors, values)
    await dialog.submit(**good)
    assert dialog.step == "confirm_local"
    assert hass.config_entries.async_entries(DOMAIN) == []


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


@pytest.mark.usefixtures("disk")
async def test_two_dialogs_for_one_folder(hass: HomeAssistant, tmp_path: Path) -> None:
    """The second one ends while the first is open."""
    form = {"footage_path": str(tmp_path / "footage"), "min_free_gb": 10, **ADVANCED}
    await (await Dialog.add_library(hass, "local")).submit(**form)
    second = await (await Dialog.add_library(hass, "local")).submit(**form)
    assert second.abort_reason == "already_in_progress"
