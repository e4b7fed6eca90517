"""The page that checks packages, in the system's Chromium, opened from disk and cut off from any network."""

from __future__ import annotations

import asyncio
import json
import zipfile
from array import array
from typing import TYPE_CHECKING

import pytest

from recorder_core.export.package import SigningKey
from recorder_core.export.package.layout import LETTER, MANIFEST, PIECE_BYTES, SIGNATURE, SUMS, VERIFY_PAGE
from recorder_core.export.package.shape import SHAPES
from recorder_core.export.package.verify import verify_package
from recorder_core.export.package.zip_file import read_zip
from recorder_core.models import StartMode
from recorder_core.mp4 import SampleTable, progressive_header
from recorder_core.mp4.track import sample_description
from script.tools.browser import judged, opened_browser
from tests.core.export.forgeries import forged, mishashed
from tests.core.export.library import START_US
from tests.core.export.packages import STEM, contents_of, flipped, made_package, package_order, resigned, unpacked_to
from tests.core.export.test_package_changed import PACKED_ANEW, regions
from tests.core.export.test_package_forged import ATTEMPTS, MISHASHED
from tests.core.mp4.footage import H264_B, H265, MJPEG, Encoding, footage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Page

LARGE_BYTES = 2 << 30

FLIP = """async ([around, inside]) => {
  const whole = new Uint8Array(await document.getElementById("files").files[0].arrayBuffer()), passed = [];
  for (const at of [...around, ...inside]) {
    whole[at] ^= 1;
    const findings = [], zip = new File([whole], "flipped.zip");
    const { files, members } = await openZip(zip, (file) => findings.push({ file }));
    if (inside.includes(at) || !findings.length) await check(files, members, zip.name, findings, async () => {});
    if (!findings.length) passed.push(at);
    whole[at] ^= 1;
  }
  return passed;
}"""
"""Gives the places at which a flipped bit goes unnoticed."""

HEAD = """([told, description, start_us]) =>
  hex(headOf(told, Uint8Array.from(description), HANDLER, createdAt({ start_us })))"""
"""Gives the headers that the page expects of a video."""


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
        assert "2023-11-14 15:13:20.520 -07:00 (2023-11-14 22:13:20.520 UTC)" in await page.inner_text("#facts")
        assert (
            "It does not show all of the time that was asked for: of 2 of the 2 cameras something is missing" in words
        )
        cameras = await page.inner_text("#cameras")
        assert (
            "2023-11-14 15:13:20.520 to 15:13:20.800 -07:00\n0.3 s: left out. It was recorded, but a video" in cameras
        )
        assert "2023-11-14 15:13:20.800 to 15:13:22.0" in cameras
        assert "Its own clock was up to 0.3 s behind the recorder's." in cameras
        assert "Nothing: there is no video of this camera." in cameras
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


async def test_it_finds_what_the_command_finds(page: Page, package: Path, tmp_path: Path) -> None:
    """Whatever somebody with the key tries, or with another program: the same file is named, and no other."""
    page_at = unpacked_to(package, tmp_path / "page")[VERIFY_PAGE]
    path = tmp_path / "forged.zip"

    async def told_of(package: Path) -> set[str]:
        verdict, words = await judged(page, page_at, [package])
        assert verdict == "bad"
        return {line.partition(": ")[0] for line in words.splitlines() if ": " in line}

    for how, (attempt, blamed, _) in ATTEMPTS.items():
        assert await told_of(forged(path, package, attempt)) == {blamed}, how
    for how, (pieces, sha256, blamed, _) in MISHASHED.items():
        assert await told_of(mishashed(path, package, pieces, sha256)) == {blamed}, how
    hidden = made_package(tmp_path / "other", package_order(tmp_path / "other", mode=StartMode.LEAD_IN))
    assert (await judged(page, page_at, [hidden]))[0] == "good"
    assert await told_of(forged(path, hidden, lambda one: one.hide("next_sync"))) == {f"{STEM}.mp4"}
    for how, (pack, expected) in PACKED_ANEW.items():
        pack(tmp_path / "new.zip", contents_of(package))
        verdict, words = await judged(page, page_at, [tmp_path / "new.zip"])
        assert verdict == "bad", how
        assert all(f"\n{name}: " in words for name, _ in expected), (how, words)
        findings = verify_package(tmp_path / "new.zip").findings
        if how != "behind other data":  # this the page takes for some other file, and says what to choose instead
            told = await page.locator("#verdict li").all_inner_texts()
            assert told == [f"{one.file}: {one.detail}" for one in findings], how


async def test_it_tells_lengths_as_the_letter_does(page: Page, unpacked: dict[str, Path]) -> None:
    """Hours and minutes where there are any."""
    await page.goto(unpacked[VERIFY_PAGE].as_uri())
    lengths = [4_000, 59_949_999, 59_950_000, 3_600_000_000, 18_004_280_000]
    told = ["0.004 s", "59.9 s", "1 min 0.0 s", "1 h 0 min 0.0 s", "5 h 0 min 4.3 s"]
    assert await page.evaluate("lengths => lengths.map(lasting)", lengths) == told


async def test_it_reads_a_manifest_as_the_command_does(page: Page, unpacked: dict[str, Path]) -> None:
    """Each object must have the same fields there, of the same kinds."""
    await page.goto(unpacked[VERIFY_PAGE].as_uri())
    assert await page.evaluate("SHAPES") == SHAPES


@pytest.mark.parametrize("encoding", [H264_B, H265, MJPEG], ids=["H.264", "H.265", "MJPEG"])
async def test_it_knows_each_byte_of_the_headers_of_any_video(
    encoding: Encoding, page: Page, unpacked: dict[str, Path]
) -> None:
    """Of each format, hidden pictures or not, of few pictures and many, and beyond what 32 bits hold."""
    await page.goto(unpacked[VERIFY_PAGE].as_uri())
    video_format = footage(encoding, 2).video_format
    description = list(sample_description(video_format)[8:])
    for count, size, duration, start, created_us in (
        (1, 9, 3600, 0, START_US),
        (32, 70_000, 3600, 0, START_US),
        (33, 70_000, 3600, 900, START_US),
        (700, 6_200_000, 3600, 3600, START_US),
        (2, 9, 3_000_000_000, 2_500_000_000, START_US),
        (5, 9, 3600, 0, 5_000_000_000_000_000),
    ):
        numbers = range(count)
        table = SampleTable(
            sizes=array("I", (size + number % 3 for number in numbers)),
            durations=array("I", (duration + number % 2 for number in numbers)),
            composition_offsets=array("I", (start and number % 4 * 900 for number in numbers)),
            sync=array("I", numbers[::5] if size > 9 else numbers),
        )
        expected = progressive_header(
            video_format, table, show_start=start, show_duration=sum(table.durations), created_us=created_us
        )
        told = {
            "sizes": table.sizes.tolist(),
            "durations": table.durations.tolist(),
            "offsets": table.composition_offsets.tolist(),
            "sync": [number + 1 for number in table.sync],
            "start": start,
            "duration": sum(table.durations),
        }
        head = await page.evaluate(HEAD, [told, description, created_us])
        assert head == expected.hex()


async def test_in_a_narrow_window_nothing_is_out_of_sight(package: Path, unpacked: dict[str, Path]) -> None:
    """Columns stand below each other, each cell with its heading; nothing is wider than a telephone."""
    async with opened_browser(width=380) as page:
        await judged(page, unpacked[VERIFY_PAGE], [package])
        assert await page.evaluate("document.documentElement.scrollWidth") <= 380
        for table in ("cameras", "listing"):
            wider = (
                f"[...document.querySelectorAll('#{table} td')].filter(td => td.getBoundingClientRect().right > 380)"
            )
            assert await page.evaluate(f"{wider}.length") == 0
        cell = page.locator("#cameras td").nth(2)
        shown = await cell.evaluate("td => getComputedStyle(td, '::before').content")
        assert shown == '"Not shown of the time that was asked for"'


async def test_names_can_neither_move_nor_turn_around_what_is_said(page: Page, unpacked: dict[str, Path]) -> None:
    """A name that ends a line, and one that is read from right to left."""
    for name in ("new\nline: ok", "\u202egpj.exe", "<img src=x>"):
        unpacked[name] = unpacked[VERIFY_PAGE].with_name(name)
        unpacked[name].write_bytes(b"")
    verdict, words = await judged(page, unpacked[VERIFY_PAGE], unpacked.values())
    assert verdict == "bad"
    for shown in ("new<U+000A>line: ok", "<U+202E>gpj.exe", "<img src=x>"):
        assert f"\n{shown}: It is no part of the package." in words


async def test_it_asks_whose_key_it_is(page: Page, package: Path, tmp_path: Path) -> None:
    """And answers when it is told which one it must be."""
    page_at = unpacked_to(package, tmp_path / "page")[VERIFY_PAGE]
    fingerprint = json.loads(contents_of(package)[MANIFEST])["signing_key"]["fingerprint"]
    _, words = await judged(page, page_at, [package])
    assert "whose signature is it?" in words
    assert await page.inner_text("#whose") == ""
    for told, verdict, answer in (
        (fingerprint[:20], "good", "not a whole fingerprint"),
        ("ab" * 32, "bad", "another key"),
        (f" {fingerprint[:8].upper()}:{fingerprint[8:]}", "good", "It is this key"),
    ):
        await page.fill("#known", told)
        assert answer in await page.inner_text("#whose")
        assert await page.get_attribute("html", "data-result") == verdict


async def test_what_is_no_package_is_told(page: Page, package: Path, unpacked: dict[str, Path], tmp_path: Path) -> None:
    """A zip of something else, a file that is no zip, and a zip under another name."""
    (tmp_path / "some.zip").write_bytes(b"x" * 5000)
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("other.txt", "Something else.")
    for path in (tmp_path / "some.zip", tmp_path / "other.zip"):
        verdict, words = await judged(page, unpacked[VERIFY_PAGE], [path])
        assert verdict == "bad"
        assert "This is no evidence package" in words
    renamed = tmp_path / "renamed.bin"
    await asyncio.to_thread(package.rename, renamed)
    assert (await judged(page, unpacked[VERIFY_PAGE], [renamed]))[0] == "good"


async def test_no_flipped_byte_passes(page: Page, package: Path, unpacked: dict[str, Path]) -> None:
    """In the zip around the files, a tenth of all bytes, and in each file some; looked at within the page itself."""
    places = regions(package)
    around = [at for one in places[""] for at in one]
    inside = [
        one[number * (len(one) - 1) // 7] for name in places if name for one in places[name] for number in range(8)
    ]
    await page.goto(unpacked[VERIFY_PAGE].as_uri())
    await page.set_input_files("#files", [str(package)])
    await page.wait_for_selector("html[data-result=good]")
    passed = await page.evaluate(FLIP, [around[::10], inside])
    assert passed == []


async def test_a_browser_that_knows_no_such_signatures_says_so(
    page: Page, package: Path, unpacked: dict[str, Path]
) -> None:
    """It neither praises nor accuses."""
    other = await page.context.new_page()
    await other.add_init_script("crypto.subtle.importKey = () => Promise.reject(new Error('unknown'));")
    verdict, words = await judged(other, unpacked[VERIFY_PAGE], [package])
    assert verdict == "open"
    assert "cannot check the signature" in words


@pytest.mark.timeout(600)
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
