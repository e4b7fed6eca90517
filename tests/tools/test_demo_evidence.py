"""Where the demonstration flips bits of a package, and what it says of the place."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

from script.tools.demo_evidence import ALTERATIONS, chosen, owner

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A zip of a large and a small file, stored."""
    path = tmp_path / "package.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("clip.mp4", bytes(5000))
        archive.writestr("größe.csv", b"1,2")
    return path


def test_each_byte_has_its_file(package: Path) -> None:
    """By the header before it, its content, or its entry in the directory; the end belongs to the zip."""
    data = package.read_bytes()
    directory = data.index(b"PK\1\2")
    second = data.index(b"PK\1\2", directory + 1)
    assert {owner(package, at) for at in (0, 40, 5037, directory, second - 1)} == {"clip.mp4"}
    assert {owner(package, at) for at in (5038, directory - 1, second)} == {"größe.csv"}
    assert owner(package, data.index(b"PK\5\6")) == owner(package, len(data) - 1) == "package.zip"


def test_a_seed_gives_its_places_again(package: Path) -> None:
    """All lie in the package; over many seeds the small file has its turn as well."""
    assert chosen(package, 7) == chosen(package, 7)
    places = [place for seed in range(40) for place in chosen(package, seed)]
    assert len(places) == 40 * ALTERATIONS
    assert max(places) < package.stat().st_size
    assert sum(owner(package, place) == "größe.csv" for place in places) > 10
