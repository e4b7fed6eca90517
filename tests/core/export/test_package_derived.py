"""Re-encoded pictures in a package: signed and told of everywhere, never counted as proved, and hard to misuse."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from recorder_core.cli.exit_codes import NOT_VERIFIED, OK
from recorder_core.cli.main import run
from recorder_core.decoder import Decoder
from recorder_core.export.derivative import make_derivative
from recorder_core.export.package import SigningKey
from recorder_core.export.package.layout import LETTER, MANIFEST, VERIFY_PAGE, json_document, times
from recorder_core.export.package.verify import verify_package
from recorder_core.models import StartMode
from recorder_core.mp4 import VIDEO_HANDLER, SampleTable, derived_handler, progressive_header, read_progressive
from script.tools.browser import judged, opened_browser
from tests.core.export.forgeries import DENVER
from tests.core.export.packages import (
    CAMERA,
    STEM,
    contents_of,
    made_package,
    named,
    package_order,
    resigned,
    unpacked_to,
)
from tests.core.mp4.footage import FRAME_US, shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recorder_core.mp4 import ProgressiveLayout

VIDEO = f"{STEM}.mp4"
DERIVED = f"{STEM}_reencoded.mp4"
TABLE = f"{STEM}_reencoded.frames.csv"
OTHER = "garage_20231114T221320Z_reencoded.mp4"


def package_with_derived(folder: Path, first: float = 13, end: float = 50) -> Path:
    """A package of pictures `first` to `end` - 1, those before the first sync sample re-encoded."""
    order = package_order(folder, first, end, mode=StartMode.REENCODE_FIRST_GOP)
    entrance, garage = order.plans
    (part,) = entrance.plan.to_encode
    made = asyncio.run(make_derivative(CAMERA, part, Decoder(), lambda _done, _total: None))
    return made_package(folder, replace(order, plans=(replace(entrance, derivatives=(made,)), garage)))


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tests do not change it."""
    return package_with_derived(tmp_path_factory.mktemp("derived"))


def test_the_package_is_whole(package: Path) -> None:
    """Its pictures are in two files, and only one of these counts as proved."""
    report = verify_package(package)
    assert report.findings == []
    assert report.derived == (DERIVED,)
    assert (report.recordings, report.proved) == (2, 2)
    reasons = [(one.camera_id, one.reason) for one in report.not_shown]
    assert reasons == [(CAMERA, "reencoded"), ("garage", "disabled")]
    first = report.not_shown[0]
    assert first.end_us - first.start_us == 7 * FRAME_US
    assert "nothing proves" in first.detail


def test_every_file_says_what_it_is(package: Path, tmp_path: Path) -> None:
    """Manifest, table, letter, and the file itself."""
    contents = contents_of(package)
    manifest = json.loads(contents[MANIFEST])
    files = {file["name"]: file for file in manifest["files"]}
    assert (files[VIDEO]["kind"], files[VIDEO]["derived"]) == ("video", False)
    assert (files[DERIVED]["kind"], files[DERIVED]["derived"], files[DERIVED]["frames"]) == ("derivative", True, 7)
    assert "proofs" not in files[DERIVED]
    assert not any(name.startswith(STEM + "_reencoded") and "proofs" in name for name in contents)
    rows = list(csv.DictReader(io.StringIO(contents[TABLE].decode())))
    assert [row["derived"] for row in rows] == ["yes"] * 7
    assert [row["utc"][17:23] for row in rows] == [f"{20 + number / 25:.3f}" for number in range(13, 20)]
    assert [int(row["bytes"]) for row in rows] == _layout(contents[DERIVED]).table.sizes.tolist()
    assert contents[LETTER].count(b"RE-ENCODED, NOT ORIGINAL") == 1
    (tmp_path / DERIVED).write_bytes(contents[DERIVED])
    assert shown(tmp_path / DERIVED).numbers == list(range(13, 20))


def test_the_command_says_it_in_plain_words(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is re-encoded is whole, and no original."""
    assert run(["verify", str(package)]) == OK
    out = capsys.readouterr().out
    assert f"{DERIVED} is re-encoded: it is signed, but no original, and nothing proves what it shows." in out
    assert f"{CAMERA} shows no original from 2023-11-14T22:13:20.520000Z to 2023-11-14T22:13:20.800000Z" in out
    assert "garage shows nothing from" in out
    assert run(["verify", str(package), "--json"]) == OK
    assert json.loads(capsys.readouterr().out)["derived"] == [DERIVED]


async def test_the_page_says_it_in_plain_words(package: Path, tmp_path: Path) -> None:
    """In the verdict, at the camera and in the list of files."""
    unpacked = unpacked_to(package, tmp_path / "page")
    async with opened_browser() as page:
        verdict, words = await judged(page, unpacked[VERIFY_PAGE], [package])
        assert verdict == "good", words
        assert f"Not all of its videos are originals: the pictures in {DERIVED} were decoded and encoded anew" in words
        assert "each original picture agrees with the proofs" in words
        assert "Re-encoded, not original: nothing proves what it shows" in await page.inner_text("#cameras")
        assert "unchanged, but no original" in await page.inner_text("#listing")


async def test_a_browser_that_cannot_check_the_signature_says_it_too(package: Path, tmp_path: Path) -> None:
    """And how much is not shown: neither hangs on the signature."""
    page_at = unpacked_to(package, tmp_path / "page")[VERIFY_PAGE]
    async with opened_browser() as page:
        await page.add_init_script("crypto.subtle.importKey = () => Promise.reject(new Error('unknown'));")
        verdict, words = await judged(page, page_at, [package])
    assert verdict == "open"
    assert "Not all of its videos are originals" in words
    assert "It does not show all of the time that was asked for" in words


def test_without_a_sync_sample_in_the_interval_there_is_nothing_else(tmp_path: Path) -> None:
    """It says so, and that nothing in it is proved."""
    report = verify_package(package_with_derived(tmp_path, 12, 18))
    assert report.findings == []
    assert (report.derived, report.recordings) == ((DERIVED,), 0)
    assert [one.reason for one in report.not_shown] == ["reencoded", "disabled"]


class Forgery:
    """What somebody with the key can change before they sign anew. Any: JSON of many kinds."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        """Begin with a package as it was made."""
        self.contents = contents
        self.manifest: Any = json.loads(contents[MANIFEST])

    def file(self, name: str) -> dict[str, Any]:
        """What the manifest says of a file."""
        found: dict[str, Any] = next(file for file in self.manifest["files"] if file["name"] == name)
        return found

    def tell(self, fields: dict[str, Any], **moments: int) -> None:
        """Tell moments of these fields, each in all three ways."""
        for name, at_us in moments.items():
            fields.update(times(name, at_us, DENVER))

    def repack(
        self,
        name: str,
        *,
        handler: str | None = None,
        show_start: int | None = None,
        show_duration: int | None = None,
        created_us: int | None = None,
    ) -> None:
        """Write other headers around the same samples."""
        data, layout = self.contents[name], _layout(self.contents[name])
        header = progressive_header(
            layout.video_format,
            layout.table,
            show_start=layout.show_start if show_start is None else show_start,
            show_duration=layout.show_duration if show_duration is None else show_duration,
            created_us=layout.created_s * 1_000_000 if created_us is None else created_us,
            handler=layout.handler if handler is None else handler,
        )
        self.contents[name] = header + data[layout.data_offset :]

    def call_original(self) -> None:
        """Have the re-encoded pictures taken for a video, with the proofs of the other one."""
        self.repack(DERIVED, handler=VIDEO_HANDLER)
        self.file(DERIVED).update(kind="video", derived=False, proofs=self.file(VIDEO)["proofs"])

    def replace_original(self) -> None:
        """Put the re-encoded pictures into the place of the video."""
        self.contents[VIDEO] = self.contents[DERIVED]
        self.file(VIDEO)["media_bytes"] = self.file(DERIVED)["media_bytes"]

    def call_derived(self) -> None:
        """Have the video taken for re-encoded pictures: then nothing needs to prove it."""
        self.contents[DERIVED] = self.contents[VIDEO]
        for key in ("frames", "media_bytes", "duration_us"):
            self.file(DERIVED)[key] = self.file(VIDEO)[key]

    def of_another_camera(self) -> None:
        """Have the pictures taken for those of another camera, wherever that is told but in themselves."""
        frames = OTHER.replace(".mp4", ".frames.csv")
        self.file(DERIVED).update(name=OTHER, camera_id="garage", frames_file=frames)
        self.file(TABLE)["name"] = frames
        self.contents |= {OTHER: self.contents.pop(DERIVED), frames: self.contents.pop(TABLE)}
        entrance, garage = self.manifest["cameras"]
        self.tell(garage["not_shown"][0], start=entrance["not_shown"][0]["end_us"])
        garage["not_shown"] = [entrance["not_shown"][0], *garage["not_shown"]]
        entrance["not_shown"][0] = {**entrance["not_shown"][0], "reason": "left_out"}

    def ask_for_less(self) -> None:
        """Tell that the request began later, as if that had been approved only."""
        asked = self.manifest["request"]
        start_us = asked["start_us"] + 4 * FRAME_US
        for told in (asked, *(camera["not_shown"][0] for camera in self.manifest["cameras"])):
            self.tell(told, start=start_us)

    def empty(self) -> None:
        """Put a file without pictures in their place."""
        layout = _layout(self.contents[DERIVED])
        self.contents[DERIVED] = progressive_header(
            layout.video_format,
            SampleTable(),
            show_start=0,
            show_duration=0,
            created_us=layout.created_s * 1_000_000,
            handler=layout.handler,
        )
        self.contents[TABLE] = self.contents[TABLE].split(b"\n")[0] + b"\n"
        self.file(DERIVED).update(frames=0, media_bytes=0, duration_us=0)

    def longer(self) -> None:
        """Tell another end."""
        self.tell(self.file(DERIVED), end=self.file(DERIVED)["end_us"] + 3_000_000)

    def backwards(self) -> None:
        """Tell an end before the beginning, so that no time seems to be without an original."""
        self.tell(self.file(DERIVED), end=self.file(DERIVED)["start_us"] - 400_000)
        self.manifest["cameras"][0]["not_shown"][0]["reason"] = "left_out"

    def another_reason(self) -> None:
        """Hide that these pictures are no originals."""
        self.manifest["cameras"][0]["not_shown"][0]["reason"] = "left_out"

    def another_absence(self) -> None:
        """Tell of re-encoded pictures where there is nothing."""
        self.manifest["cameras"][1]["not_shown"][0]["reason"] = "reencoded"

    def in_table(self, old: bytes, new: bytes) -> None:
        """Change the table of the re-encoded pictures."""
        assert old in self.contents[TABLE]
        self.contents[TABLE] = self.contents[TABLE].replace(old, new, 1)


def _layout(data: bytes) -> ProgressiveLayout:
    return read_progressive(io.BytesIO(data), 0, len(data))


ATTEMPTS: dict[str, tuple[Callable[[Forgery], object], str, str]] = {
    "it claims to be an original": (lambda one: one.call_original(), MANIFEST, "structure"),
    "it stands in for the original": (lambda one: one.replace_original(), f"{STEM}.proofs.jsonl", "proof"),
    "only its mark is gone": (lambda one: one.repack(DERIVED, handler=VIDEO_HANDLER), DERIVED, "proof"),
    "only the manifest's mark is gone": (lambda one: one.file(DERIVED).update(derived=False), MANIFEST, "structure"),
    "an original with the mark": (
        lambda one: one.repack(VIDEO, handler=derived_handler(CAMERA)),
        VIDEO,
        "proof",
    ),
    "an original that the manifest marks": (lambda one: one.file(VIDEO).update(derived=True), MANIFEST, "structure"),
    "an original in its place": (lambda one: one.call_derived(), DERIVED, "proof"),
    "another camera": (lambda one: one.of_another_camera(), OTHER, "proof"),
    "another camera in the mark": (
        lambda one: one.repack(DERIVED, handler=derived_handler("garage")),
        DERIVED,
        "proof",
    ),
    "yesterday for a player": (lambda one: one.repack(DERIVED, created_us=1_600_000_000_000_000), DERIVED, "proof"),
    "hidden pictures": (lambda one: one.repack(DERIVED, show_start=3600), DERIVED, "proof"),
    "a shorter show": (lambda one: one.repack(DERIVED, show_duration=3600), DERIVED, "proof"),
    "a track of another name": (lambda one: one.repack(DERIVED, handler="Anything"), DERIVED, "proof"),
    "other pictures behind it": (
        lambda one: one.contents.update({DERIVED: one.contents[DERIVED] + one.contents[DERIVED][-99:]}),
        DERIVED,
        "proof",
    ),
    "no pictures": (lambda one: one.empty(), DERIVED, "proof"),
    "more pictures": (lambda one: one.file(DERIVED).update(frames=8), DERIVED, "proof"),
    "a longer time": (lambda one: one.longer(), DERIVED, "proof"),
    "less was approved": (lambda one: one.ask_for_less(), DERIVED, "proof"),
    "it ends before it begins": (lambda one: one.backwards(), DERIVED, "proof"),
    "it claims a lead-in": (lambda one: one.file(DERIVED).update(lead_in_us=40_000), DERIVED, "proof"),
    "another length": (lambda one: one.file(DERIVED).update(duration_us=9_000_000), DERIVED, "proof"),
    "nobody asked for it": (
        lambda one: one.manifest["request"].update(start_mode="next_sync"),
        MANIFEST,
        "proof",
    ),
    "no word that no original is shown": (lambda one: one.another_reason(), MANIFEST, "proof"),
    "a word too many": (lambda one: one.another_absence(), MANIFEST, "proof"),
    "an original in the table": (lambda one: one.in_table(b",yes,", b",no,"), TABLE, "proof"),
    "another minute in the table": (lambda one: one.in_table(b"T22:13:", b"T22:12:"), TABLE, "proof"),
    "no table": (lambda one: one.contents.update({TABLE: b""}), TABLE, "proof"),
    "another name": (lambda one: one.file(DERIVED).update(frames_file="frames.csv"), MANIFEST, "structure"),
}


def forged(path: Path, package: Path, attempt: Callable[[Forgery], object]) -> Path:
    """Change a package, and sign it anew."""
    one = Forgery(contents_of(package))
    attempt(one)
    one.contents[MANIFEST] = json_document(one.manifest)
    return resigned(path, one.contents, SigningKey.of(package.parents[1]))


@pytest.mark.parametrize("how", ATTEMPTS)
def test_whoever_has_the_key_cannot_make_it_pass_for_another(how: str, package: Path, tmp_path: Path) -> None:
    """Signature and hashes hold in all of these."""
    attempt, blamed, flaw = ATTEMPTS[how]
    assert named(verify_package(forged(tmp_path / "forged.zip", package, attempt))) == {(blamed, flaw)}


async def test_the_page_finds_what_the_command_finds(package: Path, tmp_path: Path) -> None:
    """The same file is named, and no other."""
    page_at = unpacked_to(package, tmp_path / "page")[VERIFY_PAGE]
    async with opened_browser() as page:
        for how, (attempt, blamed, _) in ATTEMPTS.items():
            verdict, words = await judged(page, page_at, [forged(tmp_path / "forged.zip", package, attempt)])
            assert verdict == "bad", how
            assert {line.partition(": ")[0] for line in words.splitlines() if ": " in line} == {blamed}, (how, words)


@pytest.mark.parametrize("name", [DERIVED, TABLE])
def test_whoever_has_no_key_changes_nothing_unnoticed(name: str, package: Path, tmp_path: Path) -> None:
    """A byte of the pictures, or of their table."""
    unpacked = unpacked_to(package, tmp_path / "files")
    content = bytearray(unpacked[name].read_bytes())
    content[-5] ^= 1
    unpacked[name].write_bytes(content)
    assert named(verify_package(tmp_path / "files")) == {(name, "altered")}
    assert run(["verify", str(tmp_path / "files")]) == NOT_VERIFIED
    unpacked[name].unlink()
    assert named(verify_package(tmp_path / "files")) == {(name, "missing")}
