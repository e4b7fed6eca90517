"""Packages that somebody made up who has the library's key, or one of their own: what the proofs show and what not."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest

from recorder_core.export.package import SigningKey
from recorder_core.export.package.layout import (
    CUSTODY,
    LETTER,
    MANIFEST,
    PUBLIC_KEY,
    SIGNATURE,
    SUMS,
    json_document,
)
from recorder_core.export.package.verify import verify_package
from recorder_core.models import StartMode
from tests.core.export.forgeries import BOM, FRAMES, PROOFS, VIDEO, Forgery, forged, mishashed
from tests.core.export.packages import (
    CAMERA,
    STEM,
    contents_of,
    made_package,
    named,
    package_order,
    resigned,
    sums_of,
    unpacked_to,
    zipped,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_a_package_signed_with_another_key(package: Path, tmp_path: Path) -> None:
    """The manifest's sum was made to fit, its signature cannot be; and a new key does not fit the manifest."""
    key = SigningKey.of(tmp_path)
    contents = contents_of(package)
    forged = resigned(tmp_path / "forged.zip", contents, key)
    assert named(verify_package(forged)) == {(SIGNATURE, "signature")}
    forged = resigned(tmp_path / "again.zip", {**contents, PUBLIC_KEY: key.public_pem}, key)
    assert named(verify_package(forged)) == {(PUBLIC_KEY, "key")}


def test_a_package_that_somebody_made_with_a_key_of_their_own(package: Path, tmp_path: Path) -> None:
    """Nothing in it is wrong but the key, which is said whenever it is known which one it must be."""
    key, contents = SigningKey.of(tmp_path), contents_of(package)
    manifest = json.loads(contents[MANIFEST])
    manifest["signing_key"]["fingerprint"] = key.fingerprint
    own = {**contents, PUBLIC_KEY: key.public_pem, MANIFEST: json_document(manifest)}
    forged = resigned(tmp_path / "own.zip", own, key)
    report = verify_package(forged)
    assert (report.findings, report.fingerprint) == ([], key.fingerprint)
    library = SigningKey.of(package.parents[1]).fingerprint
    assert named(verify_package(forged, expected_fingerprint=library)) == {(PUBLIC_KEY, "key")}
    named_as_the_librarys = resigned(tmp_path / "name.zip", {**contents, PUBLIC_KEY: key.public_pem}, key)
    report = verify_package(named_as_the_librarys, expected_fingerprint=library)
    assert named(report) == {(PUBLIC_KEY, "key")}
    assert report.fingerprint == key.fingerprint


ATTEMPTS: dict[str, tuple[Callable[[Forgery], object], str, str]] = {
    "another place": (lambda one: one.place.update(index=1), MANIFEST, "proof"),
    "no such place": (lambda one: one.place.update(index=2), MANIFEST, "proof"),
    "no ledger that tells of it": (lambda one: one.forget(), VIDEO, "proof"),
    "no such entry": (lambda one: one.place.update(seq=2), MANIFEST, "proof"),
    "another time in the ledger": (lambda one: one.manifest["ledger"][0].update(at_us=0), MANIFEST, "proof"),
    "another kind in the ledger": (lambda one: one.manifest["ledger"][0].update(kind="begun"), MANIFEST, "proof"),
    "no hash": (lambda one: one.manifest["ledger"][0].update(previous="x"), MANIFEST, "structure"),
    "a time that no ledger has": (lambda one: one.manifest["ledger"][0].update(at_us=1 << 70), MANIFEST, "proof"),
    "an entry twice": (lambda one: one.twice(one.manifest["ledger"], hash="00" * 32), MANIFEST, "structure"),
    "a recording twice": (
        lambda one: one.twice(one.manifest["cameras"][0]["segments"], ledger=None),
        MANIFEST,
        "structure",
    ),
    "a camera twice": (lambda one: one.camera_twice(), MANIFEST, "structure"),
    "another camera's root": (lambda one: one.lend_recordings(), MANIFEST, "proof"),
    "a file that nothing proves": (lambda one: one.list_another("more.mp4"), MANIFEST, "structure"),
    "a name that leads away": (lambda one: one.rename("../frames.csv"), MANIFEST, "structure"),
    "a name of a Windows folder": (lambda one: one.rename("..\\frames.csv"), MANIFEST, "structure"),
    "an absolute name": (lambda one: one.rename("/frames.csv"), MANIFEST, "structure"),
    "a name with NUL": (lambda one: one.rename("frames.csv\0.txt"), MANIFEST, "structure"),
    "a hidden name": (lambda one: one.rename(".frames.csv"), MANIFEST, "structure"),
    "a twin in capitals": (lambda one: one.rename(LETTER.upper()), MANIFEST, "structure"),
    "a field that is missing": (lambda one: one.manifest["cameras"][0].pop("name"), MANIFEST, "structure"),
    "a field too many": (lambda one: one.manifest.update(note="Never mind."), MANIFEST, "structure"),
    "a list for a name": (lambda one: one.manifest["cameras"][0].update(name=["Entrance"]), MANIFEST, "structure"),
    "a name for a list": (lambda one: one.manifest.update(ledger="none"), MANIFEST, "structure"),
    "a list for a place": (
        lambda one: one.manifest["cameras"][0]["segments"][0].update(ledger=[]),
        MANIFEST,
        "structure",
    ),
    "no hexadecimal root": (lambda one: one.place["path"].append("AB"), MANIFEST, "structure"),
    "a start that no calendar has": (lambda one: one.video.update(start_us=10**18), MANIFEST, "structure"),
    "no word when it was made": (lambda one: one.without("made"), MANIFEST, "structure"),
    "a way to begin that is none": (lambda one: one.request.update(start_mode="anyhow"), MANIFEST, "structure"),
    "no for no number": (lambda one: one.video.update(lead_in_us=False), MANIFEST, "structure"),
    "no number": (lambda one: one.video.update(frames=30.0), MANIFEST, "structure"),
    "a path in capitals": (lambda one: one.proofs[1].update(path=["AB" * 32]), PROOFS, "proof"),
    "a blank in its data": (lambda one: one.proofs[1].update(data=one.proofs[1]["data"] + " "), PROOFS, "proof"),
    "a field too many in a proof": (lambda one: one.proofs[1].update(note="Never mind."), PROOFS, "proof"),
    "a mark before the table": (lambda one: one.contents.update({FRAMES: BOM + one.contents[FRAMES]}), FRAMES, "proof"),
    "another fragment": (lambda one: one.proofs[1].update(leaf=one.proofs[1]["leaf"] + 1), PROOFS, "proof"),
    "too many samples": (lambda one: one.proofs[1].update(count=100), PROOFS, "proof"),
    "one fewer": (lambda one: one.proofs.pop(), PROOFS, "proof"),
    "none at all": (lambda one: one.proofs.clear(), PROOFS, "proof"),
    "no beginning": (lambda one: one.proofs.pop(0), PROOFS, "proof"),
    "no header": (lambda one: one.proofs[1].update(data=b64encode(b"no header").decode()), PROOFS, "proof"),
    "no proof": (lambda one: one.proofs.append([]), PROOFS, "proof"),
    "too deep": (lambda one: one.proofs.append(deep()), PROOFS, "proof"),
    "another order": (lambda one: one.proofs.insert(1, one.proofs.pop(2)), VIDEO, "proof"),
    "another camera": (lambda one: one.of_another_camera(), "garage_20231114T221320Z.proofs.jsonl", "proof"),
    "another camera in the manifest only": (lambda one: one.video.update(camera_id="garage"), MANIFEST, "structure"),
    "yesterday": (lambda one: one.replay(-86_400_000_000), f"{CAMERA}_20231113T221320Z.mp4", "proof"),
    "two seconds later": (lambda one: one.replay(2_000_000), f"{CAMERA}_20231114T221322Z.mp4", "proof"),
    "yesterday in the names": (lambda one: one.call("entrance_20231113T221320Z"), MANIFEST, "structure"),
    "yesterday in UTC": (lambda one: one.video.update(start_utc="2023-11-13T22:13:20.520000Z"), MANIFEST, "structure"),
    "yesterday in local time": (lambda one: one.request.update(one.yesterday("start_local")), MANIFEST, "structure"),
    "a time in another form": (lambda one: one.request.update(end_local="20231114T1513-0700"), MANIFEST, "structure"),
    "a time that is no number": (lambda one: one.manifest.update(made_us="1"), MANIFEST, "structure"),
    "a time of no moment": (
        lambda one: one.request.update(more_utc="2023-11-13T22:13:20.520000Z"),
        MANIFEST,
        "structure",
    ),
    "yesterday for a player": (
        lambda one: one.repack(created_us=one.video["start_us"] - 86_400_000_000),
        VIDEO,
        "proof",
    ),
    "less was asked for": (lambda one: one.request["camera_ids"].pop(), MANIFEST, "structure"),
    "more was asked for": (
        lambda one: one.tell(one.request, end=one.request["end_us"] + 60_000_000),
        MANIFEST,
        "proof",
    ),
    "nothing is missing": (lambda one: one.manifest["cameras"][1].update(not_shown=[]), MANIFEST, "proof"),
    "missing where a video shows it": (
        lambda one: one.tell(one.absence(0), end=one.absence(0)["end_us"] + 400_000),
        MANIFEST,
        "proof",
    ),
    "missing before the time asked for": (
        lambda one: one.tell(one.absence(1), start=one.absence(1)["start_us"] - 9_000_000),
        MANIFEST,
        "proof",
    ),
    "missing after the time asked for": (
        lambda one: one.tell(one.absence(1), end=one.absence(1)["end_us"] + 9_000_000),
        MANIFEST,
        "proof",
    ),
    "missing twice": (lambda one: one.manifest["cameras"][1]["not_shown"].append(one.absence(1)), MANIFEST, "proof"),
    "missing backwards": (lambda one: one.missing_backwards(), MANIFEST, "proof"),
    "another reason than the gap's": (lambda one: one.absence(1).update(reason="connection_lost"), MANIFEST, "proof"),
    "the recorder's reason for a gap": (lambda one: one.absence(1).update(reason="deleted"), MANIFEST, "proof"),
    "a gap's reason for no gap": (lambda one: one.absence(0).update(reason="disabled"), MANIFEST, "proof"),
    "a reason that is none": (lambda one: one.absence(0).update(reason="Nothing happened"), MANIFEST, "proof"),
    "another custody": (lambda one: one.in_custody(b"user-7", b"user-8"), CUSTODY, "proof"),
    "another time in custody": (lambda one: one.in_custody(b"T23:13:", b"T23:12:"), CUSTODY, "proof"),
    "asked for by somebody else": (lambda one: one.request.update(actor="user-8"), CUSTODY, "proof"),
    "less was asked for at the end": (lambda one: one.ask(until=200_000), VIDEO, "proof"),
    "less was asked for at the beginning": (lambda one: one.ask(begin=500_000), VIDEO, "proof"),
    "much less was asked for, with a lead-in": (
        lambda one: one.ask(begin=1_440_000, start_mode="lead_in"),
        VIDEO,
        "proof",
    ),
    "another codec": (lambda one: one.video.update(codec="h265"), VIDEO, "proof"),
    "larger pictures": (lambda one: one.video.update(width=one.video["width"] + 2), VIDEO, "proof"),
    "another length": (lambda one: one.video.update(duration_us=9_000_000), VIDEO, "proof"),
    "more pictures": (lambda one: one.video.update(frames=31), VIDEO, "proof"),
    "a longer time": (lambda one: one.tell(one.video, end=one.video["end_us"] + 2_000_000), VIDEO, "proof"),
    "a lead-in": (lambda one: one.video.update(lead_in_us=3_000_000), VIDEO, "proof"),
    "a mirrored picture": (lambda one: one.mirror(), VIDEO, "proof"),
    "pictures from another file": (lambda one: one.in_header(b"url ", 7, b"\0"), VIDEO, "proof"),
    "another kind of file": (lambda one: one.in_header(b"ftyp", 4, b"qt  "), VIDEO, "proof"),
    "pictures laid over others": (lambda one: one.in_header(b"vmhd", 9, b"\x20"), VIDEO, "proof"),
    "slow motion": (lambda one: one.repack(slower=1), VIDEO, "proof"),
    "another format": (lambda one: one.repack(other=1), VIDEO, "proof"),
    "hidden pictures": (lambda one: one.repack(later=9000), VIDEO, "proof"),
    "samples cut elsewhere": (lambda one: one.repack(swapped=1), VIDEO, "proof"),
    "other pictures": (lambda one: one.other_pictures(), VIDEO, "proof"),
    "less data": (lambda one: one.video.update(media_bytes=one.video["media_bytes"] - 1), PROOFS, "proof"),
    "a clock that no calendar has": (lambda one: one.of_clock(10**18), FRAMES, "proof"),
    "another minute": (lambda one: one.in_table(b"T22:13:", b"T22:12:"), FRAMES, "proof"),
    "another digest": (lambda one: one.in_table(b"1,", b"2,"), FRAMES, "proof"),
    "no time": (lambda one: one.in_table(b"Z", b""), FRAMES, "proof"),
    "no table": (lambda one: one.contents.update({FRAMES: b""}), FRAMES, "proof"),
}


def deep() -> list[object]:
    """JSON that no reader follows to its end."""
    nested: list[object] = []
    for _ in range(5000):
        nested = [nested]
    return nested


@pytest.mark.parametrize("how", ATTEMPTS)
def test_the_key_alone_makes_nothing_pass_for_recorded(how: str, package: Path, tmp_path: Path) -> None:
    """Signature and hashes hold in all of these; the proofs do not, or there would be two ways to read it."""
    attempt, blamed, flaw = ATTEMPTS[how]
    assert named(verify_package(forged(tmp_path / "forged.zip", package, attempt))) == {(blamed, flaw)}


@pytest.mark.parametrize("mode", [StartMode.NEXT_SYNC, StartMode.REENCODE_FIRST_GOP])
def test_what_lies_hidden_must_have_been_asked_for(mode: StartMode, tmp_path: Path) -> None:
    """A package with a lead-in does not pass for one without, not if it tells of none either."""
    package = made_package(tmp_path, package_order(tmp_path, mode=StartMode.LEAD_IN))
    assert verify_package(package).findings == []
    path = forged(tmp_path / "forged.zip", package, lambda one: one.hide(mode))
    assert named(verify_package(path)) == {(VIDEO, "proof")}


MISHASHED = {
    "another hash of the whole": ([], "ab" * 32, VIDEO, "altered"),
    "a piece too many": (["ab" * 32], None, MANIFEST, "structure"),
}


@pytest.mark.parametrize("how", MISHASHED)
def test_hashes_that_are_not_those_of_the_file(how: str, package: Path, tmp_path: Path) -> None:
    """Whoever has the key could tell them; nobody could find them with the usual tools."""
    pieces, sha256, blamed, flaw = MISHASHED[how]
    assert named(verify_package(mishashed(tmp_path / "forged.zip", package, pieces, sha256))) == {(blamed, flaw)}


@pytest.mark.parametrize("name", [MANIFEST, PROOFS])
def test_no_key_stands_twice(name: str, package: Path, tmp_path: Path) -> None:
    """One reader would take the first, another one the last."""
    contents, key = contents_of(package), SigningKey.of(package.parents[1])
    forged = resigned(tmp_path / "forged.zip", contents, key)
    again = contents_of(forged)
    if name == MANIFEST:
        again[MANIFEST] = again[MANIFEST].replace(b'"basis"', b'"basis": "consent",\n  "basis"', 1)
        again[SIGNATURE] = key.sign(again[MANIFEST])
        again[SUMS] = sums_of(again)
        assert named(verify_package(zipped(tmp_path / "twice.zip", again))) == {(MANIFEST, "structure")}
        return
    contents[PROOFS] = contents[PROOFS].replace(b'"leaf":0', b'"leaf":7,"leaf":0', 1)
    assert named(verify_package(resigned(tmp_path / "twice.zip", contents, key))) == {(PROOFS, "proof")}


def test_a_root_that_was_made_up_fits_neither_ledger_nor_proofs(package: Path, tmp_path: Path) -> None:
    """Both are named."""
    contents = contents_of(package)
    manifest = json.loads(contents[MANIFEST])
    manifest["cameras"][0]["segments"][0]["root"] = "00" * 32
    contents[MANIFEST] = json_document(manifest)
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
