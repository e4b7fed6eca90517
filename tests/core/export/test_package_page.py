"""The page that checks packages, in the system's Chromium, opened from disk and cut off from any network."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from recorder_core.export.package import SigningKey
from recorder_core.export.package.layout import LETTER, MANIFEST, PIECE_BYTES, SIGNATURE, SUMS, VERIFY_PAGE
from recorder_core.export.package.verify import verify_package
from recorder_core.export.package.zip_file import read_zip
from script.tools.browser import judged, opened_browser
from tests.core.export.packages import contents_of, flipped, made_package, resigned, unpacked_to

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Page

LARGE_BYTES = 2 << 30


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A page of a browser of its own."""
    async with opened_browser() as page:
        yield page


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package as it was made."""
    return made_package(tmp_path)


@pytest.fixture
def unpacked(package: Path, tmp_path: Path) -> dict[str, Path]:
    """The same, unpacked: its files by name."""
    return unpacked_to(package, tmp_path / "unpacked")


async def test_a_good_package(page: Page, package: Path, unpacked: dict[str, Path]) -> None:
    """As a zip and as files; the page in the package is the one that is opened, and it asks no network."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    fingerprint = json.loads(contents_of(package)[MANIFEST])["signing_key"]["fingerprint"]
    for given in ([package], unpacked.values()):
        verdict, words = await judged(page, unpacked[VERIFY_PAGE], given)
        assert verdict == "good", words
        assert fingerprint in words
        assert "2 of the 2 recordings" in await page.inner_text("#facts")
    assert set(asked) == {unpacked[VERIFY_PAGE].as_uri()}


async def test_what_was_altered_is_named(page: Page, unpacked: dict[str, Path], tmp_path: Path) -> None:
    """And nothing else is accused: a byte of the video, of the manifest, of its signature, of the list of sums."""
    (video,) = (name for name in unpacked if name.endswith(".mp4"))
    for name, at in [(video, -5), (MANIFEST, 700), (SIGNATURE, 11), (SUMS, 70), ("cover-letter.pdf", 30)]:
        altered = flipped(unpacked[name], at, tmp_path / name)
        verdict, words = await judged(page, unpacked[VERIFY_PAGE], {**unpacked, name: altered}.values())
        assert verdict == "bad"
        assert "One thing is wrong" in words, words
        assert f"{name}:" in words


async def test_a_missing_and_a_foreign_file_are_named(page: Page, unpacked: dict[str, Path]) -> None:
    """Both by their names."""
    page_at = unpacked[VERIFY_PAGE]
    (video,) = (name for name in unpacked if name.endswith(".mp4"))
    foreign = unpacked.pop(video).rename(page_at.with_name("other.mp4"))
    verdict, words = await judged(page, page_at, [*unpacked.values(), foreign])
    assert verdict == "bad"
    assert f"{video}: The file is missing." in words
    assert "other.mp4: It is no part of the package." in words


async def test_the_zip_around_the_files_counts_too(page: Page, package: Path, unpacked: dict[str, Path]) -> None:
    """A byte in the header of a file, and one in the end of the directory."""
    for at in (12, -10):
        altered = flipped(package, at, package.with_name("altered.zip"))
        verdict, words = await judged(page, unpacked[VERIFY_PAGE], [altered])
        assert verdict == "bad", at
        assert "One thing is wrong" in words


async def test_proofs_of_another_recording_do_not_pass(page: Page, tmp_path: Path) -> None:
    """Though the signature holds: whoever has the key cannot make footage pass for recorded."""
    contents = contents_of(made_package(tmp_path))
    (video,) = (name for name in contents if name.endswith(".mp4"))
    contents[video] = contents[video][:-1] + bytes([contents[video][-1] ^ 1])
    package, page_at = resigned(tmp_path / "forged.zip", contents, SigningKey.of(tmp_path)), tmp_path / VERIFY_PAGE
    page_at.write_bytes(contents[VERIFY_PAGE])
    verdict, words = await judged(page, page_at, [package])
    assert verdict == "bad"
    assert "is not as recorded" in words
    assert [finding.flaw for finding in verify_package(package).findings] == ["proof"]


async def test_a_browser_that_knows_no_such_signatures_says_so(
    page: Page, package: Path, unpacked: dict[str, Path]
) -> None:
    """It neither praises nor accuses."""
    other = await page.context.new_page()
    await other.add_init_script("crypto.subtle.importKey = () => Promise.reject(new Error('unknown'));")
    verdict, words = await judged(other, unpacked[VERIFY_PAGE], [package])
    assert verdict == "open"
    assert "cannot check the signature" in words


@pytest.mark.timeout(300)
async def test_two_gigabytes(page: Page, tmp_path: Path) -> None:
    """Piece by piece; the one that is altered is named."""
    contents = contents_of(made_package(tmp_path))
    page_at = tmp_path / VERIFY_PAGE
    page_at.write_bytes(contents[VERIFY_PAGE])
    package = resigned(tmp_path / "large.zip", contents, SigningKey.of(tmp_path), zeros={LETTER: LARGE_BYTES})
    with package.open("rb") as file:
        [large] = [member for member in read_zip(file)[0] if member.name == LETTER]
    assert package.stat().st_blocks * 512 < LARGE_BYTES // 100
    with package.open("r+b") as file:
        file.seek(large.offset + 100 * PIECE_BYTES + 5)
        file.write(b"\1")
    verdict, words = await judged(page, page_at, [package])
    assert verdict == "bad"
    assert "One thing is wrong" in words
    assert "Piece 101 is altered" in words
