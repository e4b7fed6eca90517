"""Evidence packages as they are made: what is in them, what public tools say, and what becomes of half of one."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import stat
import subprocess
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.export import ClipCancelledError
from recorder_core.export.package import package_bytes, write_package
from recorder_core.export.package.layout import CUSTODY, LETTER, MANIFEST, PUBLIC_KEY, SIGNATURE, SUMS, utc_text
from recorder_core.export.package.pdf import shown_as
from recorder_core.export.package.verify import verify_package
from recorder_core.models import StartMode
from tests.core.export.library import START_US
from tests.core.export.packages import (
    CAMERA,
    MADE_US,
    STEM,
    StoppedClock,
    contents_of,
    flipped,
    made_package,
    named,
    package_order,
    unpacked_to,
)
from tests.core.export.tools import tool
from tests.core.mp4.footage import FRAME_US

if TYPE_CHECKING:
    from pathlib import Path


def test_it_is_whole(package: Path, tmp_path: Path) -> None:
    """As a zip and unpacked; progress goes up to the end."""
    progress: list[tuple[int, int]] = []
    assert verify_package(package, lambda done, total: progress.append((done, total))).findings == []
    assert progress[-1][0] == progress[-1][1] > 0
    unpacked_to(package, tmp_path / "unpacked")
    assert verify_package(tmp_path / "unpacked").findings == []
    assert stat.S_IMODE(package.stat().st_mode) == 0o600


def test_public_tools_agree(package: Path, tmp_path: Path) -> None:
    """Python's zipfile, `sha256sum` and `openssl`."""
    with zipfile.ZipFile(package) as archive:
        assert archive.testzip() is None
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        assert {info.external_attr >> 16 for info in archive.infolist()} == {stat.S_IFREG | 0o600}
    folder = tmp_path / "unpacked"
    unpacked_to(package, folder)
    openssl = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", PUBLIC_KEY, "-rawin", "-in", MANIFEST]
    for command in (["sha256sum", "--check", "--strict", SUMS], [*openssl, "-sigfile", SIGNATURE]):
        subprocess.run(command, cwd=folder, check=True, capture_output=True)


def test_the_manifest_says_what_it_is(package: Path) -> None:
    """Scope, cameras, times in UTC and local time, gaps, clock offsets, hashes; and none of it is left out."""
    contents = contents_of(package)
    manifest = json.loads(contents[MANIFEST])
    request = manifest["request"]
    assert (request["actor"], request["request_id"], request["basis"]) == ("user-7", "request-12", "subpoena")
    assert request["start_utc"] == "2023-11-14T22:13:20.520000Z"
    assert request["start_local"] == "2023-11-14T15:13:20.520000-07:00"
    assert (manifest["policy_version"], manifest["product_version"]) == ("H-2024-1", "0.1.0")
    entrance, garage = manifest["cameras"]
    assert [gap["reason"] for gap in entrance["gaps"]] == ["stalled"]
    assert [(gap["reason"], gap["end_utc"]) for gap in garage["gaps"]] == [("disabled", None)]
    assert [segment["clock_offset_us"] for segment in entrance["segments"]] == [-250_000, -250_000]
    assert [segment["ledger"]["index"] for segment in entrance["segments"]] == [0, 1]
    assert [entry["seq"] for entry in manifest["ledger"]] == [1]
    files = {file["name"]: file for file in manifest["files"]}
    assert set(files) == set(contents) - {MANIFEST, SIGNATURE, SUMS}
    for name, file in files.items():
        assert file["sha256"] == hashlib.sha256(contents[name]).hexdigest()
        assert file["pieces"] == [file["sha256"]]
    video = files[f"{STEM}.mp4"]
    assert (video["frames"], video["lead_in_us"]) == (30, 0)
    assert video["start_us"] == START_US + 20 * FRAME_US


def test_each_picture_has_its_row(package: Path) -> None:
    """In the order of presentation, with the recorder's time and the camera's own."""
    rows = list(csv.DictReader(io.StringIO(contents_of(package)[f"{STEM}.frames.csv"].decode(), newline="")))
    shown = [row for row in rows if row["shown"] == "yes"]
    at = [START_US + number * FRAME_US for number in range(20, 50)]
    assert [row["utc"] for row in shown] == [utc_text(us) for us in at]
    assert [row["camera_time"] for row in shown] == [utc_text(us - 250_000) for us in at]
    assert [float(row["seconds"]) for row in shown] == pytest.approx([number * 0.04 for number in range(30)])
    assert rows[0]["sync"] == "yes"


def test_the_custody_log_tells_who_and_when(package: Path) -> None:
    """Requested, started, made."""
    steps = [json.loads(line) for line in contents_of(package)[CUSTODY].splitlines()]
    assert [(step["event"], step["actor"]) for step in steps] == [
        ("requested", "user-7"),
        ("started", "recorder store-1"),
        ("made", "recorder store-1"),
    ]
    assert [step["at_us"] for step in steps] == [MADE_US - 3_000_000, MADE_US - 2_000_000, MADE_US]


def test_the_same_order_makes_the_same_package(package: Path, tmp_path: Path) -> None:
    """Nothing in it depends on chance; only the key does."""
    (tmp_path / "signing.key").write_bytes((package.parents[1] / "signing.key").read_bytes())
    assert made_package(tmp_path).read_bytes() == package.read_bytes()
    assert package_bytes(package_order(tmp_path / "other")) > package.stat().st_size


def test_an_open_segment_has_the_root_of_what_is_written(tmp_path: Path) -> None:
    """No ledger can know it yet."""
    order = package_order(tmp_path)
    entrance, garage = order.plans
    first, last = entrance.segments
    entrance = replace(entrance, segments=(first, replace(last, root=b"", clock_offset_us=None)))
    package = made_package(tmp_path, replace(order, plans=(entrance, garage)))
    assert verify_package(package).findings == []
    segments = json.loads(contents_of(package)[MANIFEST])["cameras"][0]["segments"]
    assert [(segment["closed"], segment["ledger"] is None) for segment in segments] == [(True, False), (False, True)]
    assert b",," in contents_of(package)[f"{STEM}.frames.csv"]


def test_a_file_for_each_unbroken_stretch(tmp_path: Path) -> None:
    """Numbered where there are several; a lead-in is told in the letter's place for it."""
    package = made_package(tmp_path, package_order(tmp_path, 13, 120, gap=True, mode=StartMode.LEAD_IN))
    assert verify_package(package).findings == []
    files = json.loads(contents_of(package)[MANIFEST])["files"]
    videos = [file for file in files if file["kind"] == "video"]
    assert [file["name"].removesuffix(".mp4")[-2:] for file in videos] == ["-1", "-2"]
    assert [file["lead_in_us"] for file in videos] == [3 * FRAME_US, 0]
    words = b" ".join(re.findall(rb"\((.*)\) Tj", contents_of(package)[LETTER]))
    assert b"0.1 s of pictures from before the start lie hidden" in words


def test_cameras_that_differ_in_capitals_only_have_files_of_their_own(tmp_path: Path) -> None:
    """Else one would be unpacked over the other where names do not tell them apart."""
    order = package_order(tmp_path)
    entrance, _ = order.plans
    request = replace(order.request, camera_ids=[CAMERA, "Entrance"])
    plans = (entrance, replace(entrance, camera_id="Entrance"))
    package = made_package(tmp_path, replace(order, request=request, plans=plans))
    names = [name for name in contents_of(package) if name.endswith(".mp4")]
    assert names == [f"{STEM}.mp4", f"Entrance{STEM.removeprefix(CAMERA)}_.mp4"]
    # The footage is one camera's only, and no package tells of a recording twice.
    assert named(verify_package(package)) == {(MANIFEST, "structure")}


def test_no_name_is_lost_on_paper(tmp_path: Path) -> None:
    """Hawaiian, Spanish, Polish, Chinese, Arabic, an emoji, what turns a line around; and one that never ends."""
    names = (
        "Kapi\u02bbolani \u2013 Ni\u00f1o \u0141\u00f3d\u017a \u56fe\u4e66\u9986 "
        "\u0645\u0643\u062a\u0628\u0629 \U0001f4da \u202eabc"
    )
    order = package_order(tmp_path)
    entrance, garage = order.plans
    plans = (replace(entrance, camera_name=names), replace(garage, camera_name="W" * 500))
    package = made_package(tmp_path, replace(order, plans=plans))
    assert verify_package(package).findings == []
    path = tmp_path / LETTER
    path.write_bytes(contents_of(package)[LETTER])
    shown = b" ".join(re.findall(rb"\((.*)\) Tj", path.read_bytes()))
    for letter in names:
        if not letter.isspace():
            assert shown_as(letter).encode("cp1252") in shown, letter
    assert b"<U+02BB>" in shown
    assert b"<U+202E>" in shown
    assert shown.replace(b" ", b"").count(b"W" * 500) == 1
    told = subprocess.run([tool("pdftotext", "poppler-utils"), path, "-"], check=True, capture_output=True, text=True)
    assert "Kapi\u02bbolani" in told.stdout
    assert "\u56fe\u4e66\u9986" in told.stdout
    assert "their number in Unicode" in told.stdout
    check = subprocess.run([tool("qpdf", "qpdf"), "--check", path], check=True, capture_output=True, text=True)
    assert "No syntax or stream encoding errors found" in check.stdout


def test_footage_that_is_not_as_recorded_makes_no_package(tmp_path: Path) -> None:
    """In a header that no clip needs, and which only the segment's root covers; nothing is left behind."""
    order = package_order(tmp_path)
    [path] = {extent.path for extent in order.plans[0].plan.parts[0].extents[:1]}
    flipped(path, 60, path)
    with pytest.raises(StorageError) as caught:
        made_package(tmp_path, order)
    assert caught.value.code in (ErrorCode.FOOTAGE_DAMAGED, ErrorCode.STORAGE_FAILED)
    assert list((tmp_path / "exports").iterdir()) == []


@pytest.mark.parametrize("step", [0, 1, 2])
def test_a_cancelled_package_leaves_nothing(step: int, tmp_path: Path) -> None:
    """Whenever that is."""
    asked: list[None] = []

    def cancelled() -> bool:
        asked.append(None)
        return len(asked) > step

    (tmp_path / "exports").mkdir()
    with pytest.raises(ClipCancelledError):
        write_package(package_order(tmp_path), tmp_path / "exports", clock=StoppedClock(), cancelled=cancelled)
    assert list((tmp_path / "exports").iterdir()) == []


def test_a_volume_that_goes_away_hides_no_cancel(tmp_path: Path) -> None:
    """What is left on it goes when it is back; the job is told as what it is."""
    (tmp_path / "exports").mkdir()

    def cancelled() -> bool:
        (tmp_path / "exports").rename(tmp_path / "away")
        return True

    with pytest.raises(ClipCancelledError):
        write_package(package_order(tmp_path), tmp_path / "exports", clock=StoppedClock(), cancelled=cancelled)


def test_an_existing_file_stays(tmp_path: Path) -> None:
    """A package is never written over."""
    package = made_package(tmp_path)
    before = package.read_bytes()
    with pytest.raises(StorageError):
        write_package(package_order(tmp_path / "again"), package.parent, clock=StoppedClock())
    assert package.read_bytes() == before


def test_progress_goes_up_to_the_end(tmp_path: Path) -> None:
    """Over cutting and packing, and never back."""
    heard: list[tuple[int, int]] = []
    (tmp_path / "exports").mkdir()
    write_package(
        package_order(tmp_path, 13, 120, gap=True),
        tmp_path / "exports",
        clock=StoppedClock(),
        progress=lambda done, total: heard.append((done, total)),
    )
    assert heard == sorted(heard)
    assert heard[-1][0] == heard[-1][1]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """It is said in the recorder's words."""
    with pytest.raises(StorageError) as caught:
        write_package(package_order(tmp_path), tmp_path / "missing", clock=StoppedClock())
    assert caught.value.code is ErrorCode.VOLUME_MISSING


def test_recordings_that_fit_no_plan(tmp_path: Path) -> None:
    """Another file in the place of the one that was planned."""
    order = package_order(tmp_path)
    paths = sorted({extent.path for extent in order.plans[0].plan.parts[0].extents})
    for path in paths:
        path.write_bytes(b"Something else.")
    with pytest.raises(StorageError, match="damaged"):
        made_package(tmp_path, order)
    for path in paths:
        path.unlink()
    with pytest.raises(StorageError):
        write_package(order, tmp_path / "exports", clock=StoppedClock())
    assert list((tmp_path / "exports").iterdir()) == []
