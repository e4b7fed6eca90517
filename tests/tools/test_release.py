"""The release zip: the same every time, complete, and enough to import integration and recorder from."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # it ships without types

from script.tools.release import ReleaseError, build, read_version, write_version

ROOT = Path(__file__).parents[2]
COMPILED = shutil.ignore_patterns("__pycache__")
"""Other tests compile meanwhile, in files that come and go."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout of just what a release is made from."""
    root = tmp_path / "checkout"
    for name in ("recorder_core", "custom_components", "packaging"):
        shutil.copytree(ROOT / name, root / name, ignore=COMPILED)
    shutil.copy(ROOT / "LICENSE", root)
    return root


def test_the_same_files_give_the_same_bytes(checkout: Path, tmp_path: Path) -> None:
    """Neither the time nor the place of a build shows."""
    first = build(ROOT, tmp_path / "first.zip")
    for path in checkout.rglob("*.py"):
        path.chmod(0o600)
    (checkout / "recorder_core" / "__pycache__").mkdir(exist_ok=True)
    (checkout / "recorder_core" / "__pycache__" / "left_over.pyc").write_bytes(b"x")
    assert build(checkout, tmp_path / "second.zip") == first
    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "second.zip").read_bytes()


def test_holds_no_link_and_no_stray_file(tmp_path: Path) -> None:
    """Some installers turn links into text files, and hidden or compiled files belong to a machine."""
    build(ROOT, tmp_path / "release.zip")
    with zipfile.ZipFile(tmp_path / "release.zip") as archive:
        infos = archive.infolist()
    assert {info.external_attr >> 16 for info in infos} == {0o100644}
    names = {info.filename for info in infos}
    assert {"manifest.json", "__init__.py", "LICENSE", "_vendor/recorder_core/__main__.py"} <= names
    assert not [name for name in names if "__pycache__" in name or "/." in name or name.startswith(".")]


def test_imports_from_the_unpacked_zip_alone(tmp_path: Path) -> None:
    """A config folder that holds nothing but the unpacked zip brings integration and recorder."""
    build(ROOT, tmp_path / "release.zip")
    with zipfile.ZipFile(tmp_path / "release.zip") as archive:
        archive.extractall(tmp_path / "config" / "custom_components" / "library_surveillance")
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'config')!r})\n"
        "import custom_components.library_surveillance, recorder_core.api.client\n"
        "print(custom_components.library_surveillance.__file__, recorder_core.__file__, recorder_core.__version__)"
    )
    answer = subprocess.run(
        [sys.executable, "-I", "-c", program], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    folder = tmp_path / "config" / "custom_components" / "library_surveillance"
    assert answer.stdout.split() == [
        str(folder / "__init__.py"),
        str(folder / "_vendor" / "recorder_core" / "__init__.py"),
        read_version(ROOT),
    ]


def test_a_version_is_given_to_all_parts(checkout: Path, tmp_path: Path) -> None:
    """Recorder and integration are released together, so they carry one version."""
    write_version(checkout, "1.2.3")
    manifest = json.loads((checkout / "custom_components/library_surveillance/manifest.json").read_text())
    app = yaml.safe_load((checkout / "packaging/app/config.yaml").read_text())
    assert (read_version(checkout), manifest["version"], app["version"]) == ("1.2.3", "1.2.3", "1.2.3")
    assert len(build(checkout, tmp_path / "release.zip")) == 64


def test_two_versions_are_refused(checkout: Path, tmp_path: Path) -> None:
    """A zip with two versions would end and restart its own recorder for ever."""
    path = checkout / "recorder_core" / "version.py"
    path.write_text(path.read_text().replace(read_version(checkout), "9.9.9"))
    with pytest.raises(ReleaseError, match=r"different versions: .*9\.9\.9"):
        build(checkout, tmp_path / "release.zip")
    assert not (tmp_path / "release.zip").exists()


@pytest.mark.parametrize("version", ["", "1.2", "v1.2.3", "1.2.3 ", "1.2.3\n"])
def test_what_is_no_version_changes_nothing(checkout: Path, version: str) -> None:
    """Home Assistant refuses an integration whose version it cannot compare."""
    before = read_version(checkout)
    with pytest.raises(ReleaseError, match="is no version"):
        write_version(checkout, version)
    assert read_version(checkout) == before
