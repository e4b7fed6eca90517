"""Packages that somebody made up who has the library's key, or one of their own: what the proofs show and what not."""

from __future__ import annotations

import io
import json
from array import array
from base64 import b64encode
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from recorder_core.export.package import SigningKey
from recorder_core.export.package.layout import (
    LETTER,
    MANIFEST,
    PUBLIC_KEY,
    SIGNATURE,
    SUMS,
    clip_stem,
    json_document,
    json_line,
    times,
)
from recorder_core.export.package.verify import verify_package
from recorder_core.mp4 import progressive_header, read_progressive
from tests.core.export.packages import CAMERA, STEM, contents_of, named, resigned, sums_of, unpacked_to, zipped
from tests.core.mp4.footage import H264, footage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DENVER = ZoneInfo("America/Denver")
BOM = b"\xef\xbb\xbf"
"""The mark that some programs put before a text, and some take away again."""

VIDEO, PROOFS, FRAMES = f"{STEM}.mp4", f"{STEM}.proofs.jsonl", f"{STEM}.frames.csv"


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


@dataclass(slots=True)
class Forgery:
    """What somebody with the key can change before they sign anew. Any: JSON of many kinds."""

    contents: dict[str, bytes]
    manifest: Any
    proofs: Any
    stem: str = STEM

    @property
    def video(self) -> dict[str, Any]:
        """What the manifest says of the video."""
        return next(file for file in self.manifest["files"] if file["kind"] == "video")

    @property
    def request(self) -> dict[str, Any]:
        """What the manifest says was asked for."""
        found: dict[str, Any] = self.manifest["request"]
        return found

    def yesterday(self, name: str) -> dict[str, str]:
        """What the request would say if that were a day earlier."""
        return {name: self.request[name].replace("2023-11-14", "2023-11-13")}

    def lend_recordings(self) -> None:
        """Tell that one camera's recordings are another one's."""
        entrance, garage = self.manifest["cameras"]
        garage["segments"], entrance["segments"] = entrance["segments"], []

    @property
    def place(self) -> dict[str, Any]:
        """Where the manifest says that the first segment stands in the ledger."""
        found: dict[str, Any] = self.manifest["cameras"][0]["segments"][0]["ledger"]
        return found

    def tell(self, fields: dict[str, Any], **moments: int) -> None:
        """Tell moments of these fields, each in all three ways."""
        for name, at_us in moments.items():
            fields.update(times(name, at_us, DENVER))

    def call(self, camera_id: str) -> None:
        """Have the clip's files called after this camera, and after the time that the manifest tells."""
        stem = clip_stem(camera_id, self.video["start_us"])
        for file in self.manifest["files"]:
            if file["name"].startswith(self.stem):
                self.contents[file["name"].replace(self.stem, stem)] = self.contents.pop(file["name"])
                for key in {"name", "proofs", "frames_file"} & file.keys():
                    file[key] = file[key].replace(self.stem, stem)
        self.stem = stem

    def replay(self, by_us: int) -> None:
        """Tell that the footage is of another time, wherever that is told."""
        self.tell(self.video, start=self.video["start_us"] + by_us, end=self.video["end_us"] + by_us)
        self.repack(created_us=self.video["start_us"])
        self.call(CAMERA)

    def of_another_camera(self) -> None:
        """Tell that the footage is of another camera, wherever that is told."""
        self.video["camera_id"] = "garage"
        entrance, garage = self.manifest["cameras"]
        entrance.update({key: garage[key] for key in ("gaps", "not_shown")})
        self.call("garage")

    def repack(self, **changes: int) -> None:
        """Write other headers around the same samples."""
        data = self.contents[VIDEO]
        layout = read_progressive(io.BytesIO(data), 0, len(data))
        table = replace(layout.table)
        if "slower" in changes:
            table = replace(table, durations=array("I", (one * 10 for one in table.durations)))
        video_format = footage(H264, 2).video_format if "other" in changes else layout.video_format
        if "swapped" in changes:
            table = replace(table, sizes=array("I", (*reversed(table.sizes[:2]), *table.sizes[2:])))
        header = progressive_header(
            video_format,
            table,
            show_start=layout.show_start + int(changes.get("later", 0)),
            show_duration=layout.show_duration,
            created_us=changes.get("created_us", layout.created_s * 1_000_000),
        )
        self.contents[VIDEO] = header + data[layout.data_offset :]

    def absence(self, camera: int) -> dict[str, Any]:
        """What the manifest says first of what a camera does not show."""
        found: dict[str, Any] = self.manifest["cameras"][camera]["not_shown"][0]
        return found

    def twice(self, listed: list[dict[str, Any]], **changes: object) -> None:
        """Tell of the first one twice, once otherwise."""
        listed.insert(0, {**listed[0], **changes})

    def camera_twice(self) -> None:
        """Tell of a camera a second time that it shows all."""
        again = {**self.manifest["cameras"][0], "not_shown": [], "gaps": [], "segments": []}
        self.manifest["cameras"].append(again)
        self.request["camera_ids"].append(CAMERA)

    def without(self, name: str) -> None:
        """Leave a moment out, in all three ways."""
        for form in ("us", "utc", "local"):
            del self.manifest[f"{name}_{form}"]

    def missing_backwards(self) -> None:
        """Tell of a stretch besides that ends before it begins."""
        told = dict(self.absence(1))
        self.tell(told, start=told["end_us"], end=told["end_us"] - 40_000)
        self.manifest["cameras"][1]["not_shown"].append(told)

    def mirror(self) -> None:
        """Have a player show left for right: the first number of the track's matrix (ISO/IEC 14496-12, 8.3.2)."""
        data = bytearray(self.contents[VIDEO])
        matrix = data.index(b"tkhd") + 4 + 40
        assert data[matrix : matrix + 4] == (0x1_0000).to_bytes(4)
        data[matrix : matrix + 4] = (0xFFFF_0000).to_bytes(4)
        self.contents[VIDEO] = bytes(data)

    def in_header(self, kind: bytes, at: int, new: bytes) -> None:
        """Change a box of the video's headers, so many bytes behind the beginning of its kind."""
        data = self.contents[VIDEO]
        place = data.index(kind) + at
        assert data[place : place + len(new)] != new
        self.contents[VIDEO] = data[:place] + new + data[place + len(new) :]

    def other_pictures(self) -> None:
        """Let a player find other data than the proved samples, which follow behind."""
        data = self.contents[VIDEO]
        layout = read_progressive(io.BytesIO(data), 0, len(data))
        self.contents[VIDEO] = data + data[layout.data_offset - 8 :]

    def in_table(self, old: bytes, new: bytes) -> None:
        """Change a row of the table of pictures."""
        lines = self.contents[FRAMES].split(b"\r\n")
        assert old in lines[5]
        lines[5] = lines[5].replace(old, new)
        self.contents[FRAMES] = b"\r\n".join(lines)

    def list_another(self, name: str) -> None:
        """Put a file beside the others that nothing proves."""
        self.contents = {name: b"Anything.", **self.contents}
        self.manifest["files"].insert(0, {"name": name, "kind": "other"})

    def rename(self, name: str) -> None:
        """Give the table of pictures another name."""
        self.contents[name] = self.contents.pop(FRAMES)
        self.video["frames_file"] = name
        next(file for file in self.manifest["files"] if file["name"] == FRAMES)["name"] = name


ATTEMPTS: dict[str, tuple[Callable[[Forgery], object], str, str]] = {
    "another place": (lambda one: one.place.update(index=1), MANIFEST, "proof"),
    "no such place": (lambda one: one.place.update(index=2), MANIFEST, "proof"),
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


def forged(path: Path, package: Path, attempt: Callable[[Forgery], object]) -> Path:
    """Change a package, and sign it anew."""
    contents = contents_of(package)
    proofs = [json.loads(line) for line in contents[PROOFS].splitlines()]
    one = Forgery(contents, json.loads(contents[MANIFEST]), proofs)
    attempt(one)
    one.contents[f"{one.stem}.proofs.jsonl"] = b"".join(map(line_of, one.proofs))
    one.contents[MANIFEST] = json_document(one.manifest)
    return resigned(path, one.contents, SigningKey.of(package.parents[1]))


def line_of(proof: dict[str, object]) -> bytes:
    """A line of JSON; one that is too deep for Python's own writer is written by hand."""
    try:
        return json_line(proof)
    except RecursionError:
        return b"[" * 200_000 + b"\n"


@pytest.mark.parametrize("how", ATTEMPTS)
def test_the_key_alone_makes_nothing_pass_for_recorded(how: str, package: Path, tmp_path: Path) -> None:
    """Signature and hashes hold in all of these; the proofs do not, or there would be two ways to read it."""
    attempt, blamed, flaw = ATTEMPTS[how]
    assert named(verify_package(forged(tmp_path / "forged.zip", package, attempt))) == {(blamed, flaw)}


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
