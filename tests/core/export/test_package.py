"""Evidence packages as files: what is in them, what public tools say, and that no change goes unnoticed."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import stat
import subprocess
import zipfile
from base64 import b64encode
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from recorder_core.cli.exit_codes import NOT_VERIFIED, OK
from recorder_core.cli.main import run
from recorder_core.errors import ErrorCode, StorageError
from recorder_core.export import ClipCancelledError
from recorder_core.export.package import SigningKey, package_bytes, verify_package, write_package
from recorder_core.export.package.layout import (
    CUSTODY,
    LETTER,
    MANIFEST,
    PUBLIC_KEY,
    SIGNATURE,
    SUMS,
    VERIFY_PAGE,
    utc_text,
)
from recorder_core.models import StartMode
from tests.core.export.library import START_US
from tests.core.export.packages import (
    CAMERA,
    MADE_US,
    StoppedClock,
    contents_of,
    flipped,
    made_package,
    package_order,
    resigned,
    unpacked_to,
)
from tests.core.mp4.footage import FRAME_US

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recorder_core.export.package import PackageFinding

STEM = f"{CAMERA}_20231114T221320Z"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package as it was made; tests do not change it."""
    return made_package(tmp_path_factory.mktemp("package"))


def named(findings: list[PackageFinding]) -> set[tuple[str, str]]:
    """The files of findings, and what is the matter with them."""
    return {(finding.file, str(finding.flaw)) for finding in findings}


def test_it_is_whole(package: Path, tmp_path: Path) -> None:
    """As a zip and unpacked; progress goes up to the end."""
    progress: list[tuple[int, int]] = []
    assert verify_package(package, lambda done, total: progress.append((done, total))) == []
    assert progress[-1][0] == progress[-1][1] > 0
    unpacked_to(package, tmp_path / "unpacked")
    assert verify_package(tmp_path / "unpacked") == []
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


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_flipped_bit_goes_unnoticed(data: st.DataObject, package: Path, tmp_path: Path) -> None:
    """Wherever it is: in a file, then only that one is named; or in the zip around them."""
    whole = package.read_bytes()
    with zipfile.ZipFile(package) as archive:
        infos = archive.infolist()
    ends = {info.filename: info.header_offset + 50 + len(info.filename) + info.file_size for info in infos}
    name = data.draw(st.sampled_from([*ends, ""]))
    if name:
        [size] = [info.file_size for info in infos if info.filename == name]
        at = ends[name] - 1 - data.draw(st.integers(0, size - 1))
    else:
        heads = [at for info in infos for at in range(info.header_offset, ends[info.filename] - info.file_size)]
        at = data.draw(st.sampled_from([*heads, *range(max(ends.values()), len(whole))]))
    altered = bytearray(whole)
    altered[at] ^= 1 << data.draw(st.integers(0, 7))
    (tmp_path / "altered.zip").write_bytes(altered)
    findings = verify_package(tmp_path / "altered.zip")
    assert findings
    if name:
        assert {finding.file for finding in findings} == {name}, findings


@pytest.mark.parametrize("name", [f"{STEM}.mp4", MANIFEST, SIGNATURE, PUBLIC_KEY, SUMS, CUSTODY, LETTER, VERIFY_PAGE])
def test_the_command_names_the_file(
    name: str, package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says so in its exit code."""
    files = unpacked_to(package, tmp_path / "unpacked")
    assert run(["verify", str(tmp_path / "unpacked")]) == OK
    assert "complete and unchanged" in capsys.readouterr().out
    flipped(files[name], 40, files[name])
    assert run(["verify", str(tmp_path / "unpacked"), "--json"]) == NOT_VERIFIED
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert {finding["file"] for finding in findings} == {name}
    assert run(["verify", str(tmp_path / "unpacked")]) == NOT_VERIFIED
    assert f"{name}: " in capsys.readouterr().out


def test_the_command_holds_the_key_against_a_fingerprint(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As it is written on paper, with blanks and in capitals."""
    right = SigningKey.of(package.parents[1]).fingerprint
    assert run(["verify", str(package), "--fingerprint", f"{right[:4]} {right[4:].upper()}"]) == OK
    assert run(["verify", str(package), "--fingerprint", "ab" * 32]) == NOT_VERIFIED
    assert f"another key than expected, {right}" in capsys.readouterr().out


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


def test_a_package_signed_with_another_key(package: Path, tmp_path: Path) -> None:
    """The manifest's sum was made to fit, its signature cannot be; and a new key does not fit the manifest."""
    key = SigningKey.of(tmp_path)
    contents = contents_of(package)
    forged = resigned(tmp_path / "forged.zip", contents, key)
    assert named(verify_package(forged)) == {(SIGNATURE, "signature")}
    forged = resigned(tmp_path / "again.zip", {**contents, PUBLIC_KEY: key.public_pem}, key)
    assert named(verify_package(forged)) == {(PUBLIC_KEY, "key")}


# What somebody with the key could try. Any: JSON of many kinds.
CHANGED_LEDGER: dict[str, Callable[[Any], None]] = {
    "another place": lambda manifest: manifest["cameras"][0]["segments"][0]["ledger"].update(index=1),
    "no such place": lambda manifest: manifest["cameras"][0]["segments"][0]["ledger"].update(index=2),
    "another time": lambda manifest: manifest["ledger"][0].update(at_us=0),
    "no hash": lambda manifest: manifest["ledger"][0].update(previous="x"),
}
CHANGED_PROOFS: dict[str, Callable[[Any], None]] = {
    "another fragment": lambda proofs: proofs[1].update(leaf=proofs[1]["leaf"] + 1),
    "too many samples": lambda proofs: proofs[1].update(count=100),
    "one fewer": lambda proofs: proofs.pop(),
    "no beginning": lambda proofs: proofs.pop(0),
    "no header": lambda proofs: proofs[1].update(data=b64encode(b"no header").decode()),
    "no proof": lambda proofs: proofs.append([]),
}


@pytest.mark.parametrize("how", [*CHANGED_LEDGER, *CHANGED_PROOFS, "video", "camera"])
def test_the_key_alone_makes_no_footage_pass_for_recorded(how: str, package: Path, tmp_path: Path) -> None:
    """Signature and hashes hold in all of these; the proofs do not."""
    contents, video, proofs_name = contents_of(package), f"{STEM}.mp4", f"{STEM}.proofs.jsonl"
    manifest: Any = json.loads(contents[MANIFEST])
    proofs: Any = [json.loads(line) for line in contents[proofs_name].splitlines()]
    blamed = proofs_name
    if how in CHANGED_LEDGER:
        CHANGED_LEDGER[how](manifest)
        blamed = MANIFEST
    elif how in CHANGED_PROOFS:
        CHANGED_PROOFS[how](proofs)
    elif how == "camera":
        manifest["files"][0]["camera_id"] = "other"
    else:
        contents[video] = contents[video][:-1] + bytes([contents[video][-1] ^ 1])
        blamed = video
    contents[proofs_name] = b"".join(json.dumps(proof).encode() + b"\n" for proof in proofs)
    contents[MANIFEST] = json.dumps(manifest).encode()
    forged = resigned(tmp_path / "forged.zip", contents, SigningKey.of(package.parents[1]))
    assert named(verify_package(forged)) == {(blamed, "proof")}


def test_a_root_that_was_made_up_fits_neither_ledger_nor_proofs(package: Path, tmp_path: Path) -> None:
    """Both are named."""
    contents = contents_of(package)
    manifest = json.loads(contents[MANIFEST])
    manifest["cameras"][0]["segments"][0]["root"] = "00" * 32
    contents[MANIFEST] = json.dumps(manifest).encode()
    forged = resigned(tmp_path / "forged.zip", contents, SigningKey.of(package.parents[1]))
    assert named(verify_package(forged)) == {(MANIFEST, "proof"), (f"{STEM}.proofs.jsonl", "proof")}


@pytest.mark.parametrize("manifest", [b"[]", b'{"format": "x", "format_version": 1, "piece_bytes": 1}', b"{"])
def test_a_manifest_of_another_format(manifest: bytes, package: Path, tmp_path: Path) -> None:
    """Signed, but nothing that could be gone by."""
    files = unpacked_to(package, tmp_path / "unpacked")
    key = SigningKey.of(package.parents[1])
    files[MANIFEST].write_bytes(manifest)
    files[SIGNATURE].write_bytes(key.sign(manifest))
    assert (MANIFEST, "structure") in named(verify_package(tmp_path / "unpacked"))


def test_what_is_no_package(tmp_path: Path) -> None:
    """An empty file, and one of something else."""
    for content in (b"", b"x" * 5000, b"PK\3\4" + bytes(100)):
        (tmp_path / "some.zip").write_bytes(content)
        assert named(verify_package(tmp_path / "some.zip")) == {("some.zip", "structure")}


def test_an_open_segment_has_the_root_of_what_is_written(tmp_path: Path) -> None:
    """No ledger can know it yet."""
    order = package_order(tmp_path)
    entrance, garage = order.plans
    first, last = entrance.segments
    entrance = replace(entrance, segments=(first, replace(last, root=b"", clock_offset_us=None)))
    package = made_package(tmp_path, replace(order, plans=(entrance, garage)))
    assert verify_package(package) == []
    segments = json.loads(contents_of(package)[MANIFEST])["cameras"][0]["segments"]
    assert [(segment["closed"], segment["ledger"] is None) for segment in segments] == [(True, False), (False, True)]
    assert b",," in contents_of(package)[f"{STEM}.frames.csv"]


def test_a_file_for_each_unbroken_stretch(tmp_path: Path) -> None:
    """Numbered where there are several; a lead-in is told in the letter's place for it."""
    package = made_package(tmp_path, package_order(tmp_path, 13, 120, gap=True, mode=StartMode.LEAD_IN))
    assert verify_package(package) == []
    files = json.loads(contents_of(package)[MANIFEST])["files"]
    videos = [file for file in files if file["kind"] == "video"]
    assert [file["name"].removesuffix(".mp4")[-2:] for file in videos] == ["-1", "-2"]
    assert [file["lead_in_us"] for file in videos] == [3 * FRAME_US, 0]
    words = b" ".join(re.findall(rb"\((.*)\) Tj", contents_of(package)[LETTER]))
    assert b"0.1 s of pictures from before the start lie hidden" in words


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
