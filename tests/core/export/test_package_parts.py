"""The parts of a package that stand alone: the zip beyond 4 GiB, the signing key, the letter's PDF."""

from __future__ import annotations

import os
import stat
import struct
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given, strategies as st

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.export.package.ed25519 import read_public, signed
from recorder_core.export.package.frames import frames_csv
from recorder_core.export.package.key import SigningKey
from recorder_core.export.package.pdf import Font, Pdf, text_width, wrapped
from recorder_core.export.package.taken import Taken, taken_samples
from recorder_core.export.package.zip_file import (
    Member,
    ZipError,
    ZipWriter,
    directory,
    dos_stamp,
    local_bytes,
    local_header,
    read_zip,
)
from tests.core.export.packages import package_order
from tests.core.export.tools import tool

if TYPE_CHECKING:
    from collections.abc import Iterator

MADE_US = 1_700_000_000_000_000
MEMBERS = (("small.txt", b"Hello."), ("empty", b""), ("Łódź.txt", b"x" * 100))


def written(path: Path, large: int = 0) -> Path:
    """A zip of some members; `large` is the size of a first one that is a hole in the file."""
    with path.open("w+b") as file:
        archive = ZipWriter(file, MADE_US)
        if large:
            archive.begin("large.bin")
            file.seek(large, os.SEEK_CUR)
            archive._size = large
            archive.end()
        for name, content in MEMBERS:
            archive.begin(name)
            archive.write(content)
            archive.end()
        archive.close()
    return path


@pytest.mark.parametrize("large", [0, (4 << 30) - 200, (4 << 30) - 1, 5 << 30])
def test_a_zip_is_read_back_by_others_and_by_itself(large: int, tmp_path: Path) -> None:
    """Around and beyond the 4 GiB that its first fields hold."""
    path = written(tmp_path / "some.zip", large)
    sizes = {**({"large.bin": large} if large else {}), **{name: len(content) for name, content in MEMBERS}}
    with zipfile.ZipFile(path) as archive:
        assert {info.filename: info.file_size for info in archive.infolist()} == sizes
        for name, content in MEMBERS:
            assert archive.read(name) == content
    with path.open("rb") as file:
        members, flaws = read_zip(file)
        assert ({member.name: member.size for member in members}, flaws) == (sizes, [])
        file.seek(members[-1].offset)
        assert file.read(members[-1].size) == MEMBERS[-1][1]


def test_a_zip_with_a_damaged_directory_still_gives_its_files(tmp_path: Path) -> None:
    """Also one that lacks its end."""
    path = written(tmp_path / "some.zip", (4 << 30) - 1)
    size = path.stat().st_size
    for cut in (size - 1, size - 30, size - 120, size - 200):
        os.truncate(path, cut)
        with path.open("rb") as file:
            members, [flaw] = read_zip(file)
        assert [member.name for member in members] == ["large.bin", *(name for name, _ in MEMBERS)]
        assert flaw.offset <= cut


def test_more_files_than_a_package_ever_has_are_no_package(tmp_path: Path) -> None:
    """Nor do they take time or memory; the directory cannot even count them."""
    path, content = tmp_path / "many.zip", bytearray()
    members = [Member(f"{number:x}", 0, 0, 0, 0) for number in range(1 << 16)]
    for number, member in enumerate(members):
        members[number] = replace(member, offset=len(content) + local_bytes(member.name))
        content += local_header(members[number])
    entries = directory(members[:-1], 0)[:-22] + directory(members[-1:], 0)[:-22]
    end = struct.pack("<IHHHHIIH", 0x0605_4B50, 0, 0, 0, 0, len(entries), len(content), 0)
    path.write_bytes(content + entries + end)
    with path.open("rb") as file, pytest.raises(ZipError, match="no zip"):
        read_zip(file)


@given(data=st.binary(max_size=300))
def test_any_bytes_are_a_zip_or_refused(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing else comes of them, also where they begin and end like one."""
    path = tmp_path_factory.getbasetemp() / "any.zip"
    whole = written(path).read_bytes()
    for content in (data, whole[:20] + data + whole[20 + len(data) :], whole[:-60] + data, data + whole[-60:]):
        path.write_bytes(content)
        with path.open("rb") as file:
            try:
                members, flaws = read_zip(file)
            except ZipError:
                continue
        assert members
        assert flaws or content == whole


def test_a_time_before_the_format_has_any() -> None:
    """1980 is its first year."""
    assert dos_stamp(0) >> 25 == 0


def test_of_a_long_clip_little_is_in_memory(tmp_path: Path) -> None:
    """Neither the whole table of its pictures, nor the headers of more files than one."""
    plan = package_order(tmp_path, 0, 1500, frames=1500).plans[0]
    [part] = plan.plan.parts
    segments = {Path(segment.path).name: segment for segment in plan.segments}
    first, second = dict.fromkeys(extent.path for extent in part.extents)
    second.rename(second.with_name("away"))
    taken = taken_samples(part, segments)
    assert next(taken).tree.segment == segments[first.name]
    with pytest.raises(StorageError):
        list(taken)
    second.with_name("away").rename(second)
    read: list[int] = []

    def counted() -> Iterator[Taken]:
        for one in taken_samples(part, segments):
            read.append(one.count)
            yield one

    rows = frames_csv(part, counted())
    header, row = next(rows), next(rows)
    assert (header[:7], row[:2]) == (b"sample,", b"1,")
    assert 1000 <= sum(read) < 1100
    numbers = [int(row.split(b",")[1]) for row in (row, *rows)]
    assert (len(numbers), numbers) == (part.frames, sorted(numbers))


def test_the_key_is_made_once_and_private(tmp_path: Path) -> None:
    """And openssl reads it."""
    key = SigningKey.of(tmp_path)
    path = tmp_path / "signing.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert SigningKey.of(tmp_path).fingerprint == key.fingerprint
    command = ["openssl", "pkey", "-in", str(path), "-pubout"]
    assert subprocess.run(command, check=True, capture_output=True).stdout == key.public_pem
    public = read_public(key.public_pem)
    assert public is not None
    assert signed(public, key.sign(b"text"), b"text")
    assert not signed(public, key.sign(b"text"), b"Text")
    assert "PRIVATE" not in repr(key)


def test_two_first_packages_make_one_key(tmp_path: Path) -> None:
    """Else the second one would take the first one's place, and nobody could vouch for what that had signed."""
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(SigningKey.of, [tmp_path] * 8))
    assert {key.fingerprint for key in keys} == {SigningKey.of(tmp_path).fingerprint}


def test_a_recorder_that_signs_nothing_does_without_what_signs() -> None:
    """It takes 8 MB; neither is what checks packages in its memory."""
    program = (
        "import sys, recorder_core.api.server, recorder_core.service.recorder; "
        "signing = ('cryptography', 'recorder_core.export.package.verify'); "
        "print([name for name in sys.modules if name.startswith(signing)])"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_a_file_that_holds_no_such_key(tmp_path: Path) -> None:
    """It is not replaced, and what it holds is not told."""
    other = generate_private_key(SECP256R1())
    for content in (b"secret words", other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())):
        (tmp_path / "signing.key").write_bytes(content)
        with pytest.raises(StorageError, match=r"signing\.key holds no Ed25519 key") as caught:
            SigningKey.of(tmp_path)
        assert caught.value.code is ErrorCode.STORAGE_FAILED
        assert "secret" not in str(caught.value.__cause__)
        assert (tmp_path / "signing.key").read_bytes() == content
    assert read_public(other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)) is None


def test_a_folder_that_takes_no_key(tmp_path: Path) -> None:
    """One that is not there, and a folder in the key's place."""
    with pytest.raises(StorageError):
        SigningKey.of(tmp_path / "missing")
    (tmp_path / "signing.key").mkdir()
    with pytest.raises(StorageError):
        SigningKey.of(tmp_path)


@given(text=st.text(max_size=200), font=st.sampled_from(Font), width=st.integers(80, 400))
def test_no_line_is_wider_than_the_page(text: str, font: Font, width: int) -> None:
    """And no letter is lost, blanks at the breaks aside."""
    lines = wrapped(text, font, 9, width)
    assert all(text_width(line, font, 9) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_a_word_that_is_longer_than_a_line_breaks_behind_a_hyphen() -> None:
    """If it has one there; a date that fits a line never does."""
    lines = wrapped("on 2023-11-14 reading-room-second-floor-0123456789abcdef0123456789", Font.TEXT, 9, 90)
    assert lines[:3] == ["on 2023-11-14", "reading-room-second-", "floor-"]
    assert lines[3].startswith("0123456789abcdef")


def test_a_pdf_is_read_by_others(tmp_path: Path) -> None:
    """With what has a meaning in PDF, and with letters that its fonts lack."""
    pdf = Pdf("A (title) \\ of one")
    for number in range(3):
        pdf.add_page()
        pdf.text(50, 50, f"Page {number} (of) \\ 3: Krak\u00f3w, \u0141\u00f3d\u017a", Font.TEXT, 12)
        pdf.line(50, 60, 100)
    path = tmp_path / "some.pdf"
    path.write_bytes(pdf.to_bytes())
    to_text = [tool("pdftotext", "poppler-utils"), "-layout", str(path), "-"]
    told = subprocess.run(to_text, check=True, capture_output=True, text=True).stdout
    pages = [page.strip() for page in told.split("\f")[:3]]
    assert pages == [f"Page {number} (of) \\ 3: Krak\u00f3w, \u0141\u00f3d\u017a" for number in range(3)]
    assert pdf.lacks_letters
    assert b"<U+0141>\xf3d<U+017A>" in path.read_bytes()
    info = subprocess.run([tool("pdfinfo", "poppler-utils"), str(path)], check=True, capture_output=True, text=True)
    assert "A (title) \\ of one" in info.stdout
    assert info.stderr == ""
