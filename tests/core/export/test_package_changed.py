"""Packages that somebody without the key changed: nothing goes unnoticed, and what it was is named."""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from recorder_core.export.package import SigningKey
from recorder_core.export.package.layout import (
    CUSTODY,
    LARGEST_WHOLE,
    LETTER,
    MANIFEST,
    PUBLIC_KEY,
    SIGNATURE,
    SUMS,
    json_document,
)
from recorder_core.export.package.opened import OpenedPackage
from recorder_core.export.package.verify import verify_package
from recorder_core.export.package.zip_file import ZipWriter
from tests.core.export.packages import (
    MADE_US,
    STEM,
    contents_of,
    made_package,
    named,
    package_order,
    sums_of,
    unpacked_to,
    zipped,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STARTED_US = MADE_US - 2_000_000


def regions(package: Path) -> dict[str, list[range]]:
    """All bytes of a package: those of each file by its name, and those of the zip around them by ""."""
    whole = package.stat().st_size
    with zipfile.ZipFile(package) as archive:
        infos = archive.infolist()
        begins = [info.header_offset for info in infos]
        directory = archive.start_dir
    found: dict[str, list[range]] = {"": [range(directory, whole)]}
    for info, end in zip(infos, [*begins[1:], directory], strict=True):
        found[info.filename] = [range(end - info.file_size, end)]
        found[""].append(range(info.header_offset, end - info.file_size))
    assert sum(len(one) for ranges in found.values() for one in ranges) == whole
    return found


def test_no_flipped_byte_of_the_zip_itself_goes_unnoticed(package: Path, tmp_path: Path) -> None:
    """Each byte of each local header, of each entry of the directory, and of its end: all of them."""
    altered = bytearray(package.read_bytes())
    path = tmp_path / "altered.zip"
    path.write_bytes(altered)
    assert OpenedPackage(path).findings == []
    with path.open("r+b", buffering=0) as file:
        for at in (at for one in regions(package)[""] for at in one):
            os.pwrite(file.fileno(), bytes([altered[at] ^ 0x20]), at)
            assert OpenedPackage(path).findings, at
            os.pwrite(file.fileno(), altered[at : at + 1], at)
    assert OpenedPackage(path).findings == []


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_flipped_bit_of_a_file_goes_unnoticed(data: st.DataObject, package: Path, tmp_path: Path) -> None:
    """Wherever it is, first and last byte included: only that file is named."""
    altered = bytearray(package.read_bytes())
    files = regions(package)
    name = data.draw(st.sampled_from([name for name in files if name]))
    [one] = files[name]
    altered[data.draw(st.sampled_from(one))] ^= 1 << data.draw(st.integers(0, 7))
    (tmp_path / "altered.zip").write_bytes(altered)
    findings = verify_package(tmp_path / "altered.zip").findings
    assert {finding.file for finding in findings} == {name}, findings


def test_missing_and_foreign_files(package: Path, tmp_path: Path) -> None:
    """Each is named; so is one that was cut short."""
    files = unpacked_to(package, tmp_path / "unpacked")
    files[f"{STEM}.mp4"].rename(tmp_path / "unpacked" / "other.mp4")
    files[CUSTODY].write_bytes(files[CUSTODY].read_bytes()[:-1])
    (tmp_path / "unpacked" / SIGNATURE).unlink()
    assert named(verify_package(tmp_path / "unpacked")) == {
        (f"{STEM}.mp4", "missing"),
        ("other.mp4", "extra"),
        (CUSTODY, "altered"),
        (SIGNATURE, "missing"),
    }
    for name in (MANIFEST, PUBLIC_KEY, SUMS):
        files[name].unlink()
    assert named(verify_package(tmp_path / "unpacked")) == {
        (name, "missing") for name in (MANIFEST, SIGNATURE, PUBLIC_KEY, SUMS)
    }


def test_a_manifest_that_was_altered_accuses_no_file_but_those_that_were(package: Path, tmp_path: Path) -> None:
    """Then the list of sums tells which."""
    files = unpacked_to(package, tmp_path / "unpacked")
    files[MANIFEST].write_bytes(files[MANIFEST].read_bytes().replace(b'"frames": 30', b'"frames": 31'))
    files[LETTER].write_bytes(b"")
    files[CUSTODY].unlink()
    assert named(verify_package(tmp_path / "unpacked")) == {
        (MANIFEST, "altered"),
        (LETTER, "altered"),
        (CUSTODY, "missing"),
    }


def test_what_is_no_package(tmp_path: Path) -> None:
    """An empty file, and one of something else."""
    for content in (b"", b"x" * 5000, b"PK\3\4" + bytes(100)):
        (tmp_path / "some.zip").write_bytes(content)
        assert named(verify_package(tmp_path / "some.zip")) == {("some.zip", "structure")}


def other_checksum(path: Path, contents: dict[str, bytes]) -> None:
    """Let directory and members agree on a checksum that is not that of the content."""
    with path.open("w+b") as out:
        archive = ZipWriter(out, STARTED_US)
        for name, content in contents.items():
            archive.begin(name)
            archive.write(content)
            archive._crc ^= name == LETTER
            archive.end()
        archive.close()


def one_behind(path: Path, contents: dict[str, bytes]) -> None:
    """Have another program put a file into it."""
    zipped(path, contents, STARTED_US)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../evil", "Something else.")


def compressed(path: Path, contents: dict[str, bytes]) -> None:
    """Pack it with another program."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)


def two_of_a_name(path: Path, contents: dict[str, bytes]) -> None:
    """One of them for those who take the first, one for those who take the last."""
    with path.open("w+b") as out:
        archive = ZipWriter(out, STARTED_US)
        for name, content in [(LETTER, b"Another letter."), *contents.items()]:
            archive.begin(name)
            archive.write(content)
            archive.end()
        archive.close()


def without(path: Path, contents: dict[str, bytes], name: str) -> None:
    """Take a file out, and its lines in manifest and sums too."""
    manifest = json.loads(contents[MANIFEST])
    del contents[name]
    manifest["files"] = [file for file in manifest["files"] if file["name"] != name]
    contents[MANIFEST] = json_document(manifest)
    zipped(path, contents | {SUMS: sums_of(contents)})


PACKED_ANEW: dict[str, tuple[Callable[[Path, dict[str, bytes]], object], set[tuple[str, str]]]] = {
    "in another order": (
        lambda path, contents: zipped(path, dict(reversed(contents.items()))),
        {("new.zip", "structure")},
    ),
    "at another time": (
        lambda path, contents: zipped(path, contents, STARTED_US + 60_000_000),
        {("new.zip", "structure")},
    ),
    "with a wrong checksum": (other_checksum, {(LETTER, "structure")}),
    "compressed": (compressed, {("new.zip", "structure")}),
    "with two files of a name": (two_of_a_name, {(LETTER, "structure")}),
    "with one more": (lambda path, contents: zipped(path, {**contents, "more.txt": b""}), {("more.txt", "extra")}),
    "with one that leads away": (
        lambda path, contents: zipped(path, {**contents, "../../etc/more": b""}),
        {("../../etc/more", "extra")},
    ),
    "with a twin in capitals": (
        lambda path, contents: zipped(path, {**contents, "MANIFEST.JSON": b""}),
        {("MANIFEST.JSON", "extra")},
    ),
    "without a file and its lines": (
        lambda path, contents: without(path, contents, LETTER),
        {(SIGNATURE, "signature"), (MANIFEST, "structure")},
    ),
    "behind other data": (
        lambda path, contents: path.write_bytes(b"x" + zipped(path, contents).read_bytes()),
        {("new.zip", "structure")},
    ),
    "and cut short": (
        lambda path, contents: path.write_bytes(zipped(path, contents).read_bytes()[:1000]),
        {(f"{STEM}.mp4", "structure")},
    ),
    "and cut short in its directory": (
        lambda path, contents: path.write_bytes(zipped(path, contents).read_bytes()[:-100]),
        {("new.zip", "structure")},
    ),
    "with another file behind": (one_behind, {("../evil", "structure")}),
    "before other data": (
        lambda path, contents: path.write_bytes(zipped(path, contents).read_bytes() + b"x"),
        {("new.zip", "structure")},
    ),
}


@pytest.mark.parametrize("how", PACKED_ANEW)
def test_a_zip_that_was_packed_anew(how: str, package: Path, tmp_path: Path) -> None:
    """The same files in another zip are told from the package; one file more or less, from both."""
    pack, expected = PACKED_ANEW[how]
    contents = contents_of(package)
    assert zipped(tmp_path / "same.zip", contents).read_bytes() == package.read_bytes()
    pack(tmp_path / "new.zip", contents)
    assert named(verify_package(tmp_path / "new.zip")) == expected


def test_files_of_another_package(package: Path, tmp_path: Path) -> None:
    """Of the same camera, recorder and key, with lists of sums that fit: each file alone is genuine."""
    order = package_order(tmp_path, 13, 45)
    other = contents_of(made_package(tmp_path, replace(order, key=SigningKey.of(package.parents[1]))))
    mine = contents_of(package)
    video, proofs = (next(name for name in other if name.endswith(end)) for end in (".mp4", ".proofs.jsonl"))
    swaps = {
        "video and proofs": ({video: other[video], proofs: other[proofs]}, {(video, "altered"), (proofs, "altered")}),
        "manifest": ({MANIFEST: other[MANIFEST]}, {(SIGNATURE, "signature")}),
        "letter": ({LETTER: other[LETTER]}, {(LETTER, "altered")}),
        "signature": ({SIGNATURE: other[SIGNATURE]}, {(SIGNATURE, "signature")}),
    }
    for changes, expected in swaps.values():
        swapped = mine | changes
        swapped[SUMS] = sums_of(swapped)
        report = verify_package(zipped(tmp_path / "swapped.zip", swapped))
        assert expected <= named(report)


def test_a_file_that_is_larger_than_any_is_not_read_into_memory(package: Path, tmp_path: Path) -> None:
    """It is named all the same."""
    files = unpacked_to(package, tmp_path / "unpacked")
    os.truncate(files[SIGNATURE], LARGEST_WHOLE + 1)
    opened = OpenedPackage(tmp_path / "unpacked")
    assert (opened.content(SIGNATURE), opened.content("none"), len(opened.content(SUMS))) == (
        b"",
        b"",
        files[SUMS].stat().st_size,
    )
    assert named(verify_package(tmp_path / "unpacked")) == {(SIGNATURE, "altered")}


def test_what_is_no_plain_file(package: Path, tmp_path: Path) -> None:
    """A link, a folder, and a pipe that nobody writes to; none of them is followed."""
    folder = tmp_path / "unpacked"
    files = unpacked_to(package, folder)
    files[LETTER].rename(tmp_path / LETTER)
    files[LETTER].symlink_to(tmp_path / LETTER)
    files[CUSTODY].unlink()
    os.mkfifo(files[CUSTODY])
    files[SUMS].unlink()
    files[SUMS].mkdir()
    assert named(verify_package(folder)) == {
        (LETTER, "structure"),
        (CUSTODY, "structure"),
        (SUMS, "structure"),
        (SUMS, "missing"),
    }
    (tmp_path / "empty").mkdir()
    assert named(verify_package(tmp_path / "empty")) == {("empty", "structure")}
