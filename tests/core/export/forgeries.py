"""What somebody with the library's key can change in a package before they sign it anew."""

from __future__ import annotations

import hashlib
import io
import json
from array import array
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from recorder_core.export.package import SigningKey
from recorder_core.export.package.layout import (
    CUSTODY,
    MANIFEST,
    SIGNATURE,
    SUMS,
    clip_stem,
    json_document,
    json_line,
    sums_text,
    times,
    utc_text,
)
from recorder_core.mp4 import progressive_header, read_progressive
from tests.core.export.packages import CAMERA, STEM, contents_of, resigned, zipped
from tests.core.mp4.footage import H264, footage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DENVER = ZoneInfo("America/Denver")
BOM = b"\xef\xbb\xbf"
"""The mark that some programs put before a text, and some take away again."""

VIDEO, PROOFS, FRAMES = f"{STEM}.mp4", f"{STEM}.proofs.jsonl", f"{STEM}.frames.csv"


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

    def ask(self, begin: int = 0, until: int | None = None, **others: object) -> None:
        """Tell that less was asked for, from so many microseconds after the start that was."""
        start_us, end_us = self.request["start_us"], self.request["end_us"]
        asked = {"start": start_us + begin, "end": end_us if until is None else start_us + until}
        self.tell(self.request, **asked)
        self.request.update(others)
        shown_us = self.video["start_us"]
        self.tell(self.absence(1), **asked)
        self.tell(self.absence(0), start=asked["start"], end=min(asked["end"], shown_us))
        if begin >= shown_us - start_us:
            self.manifest["cameras"][0]["not_shown"].clear()

    def hide(self, start_mode: str) -> None:
        """Tell that the pictures before the start are not there, and were not asked for."""
        self.request["start_mode"] = start_mode
        self.video["lead_in_us"] = 0

    def forget(self) -> None:
        """Tell that an hour later, when the package was begun, the recordings went on: no ledger tells of such."""
        self.manifest["ledger"] = []
        for segment in self.manifest["cameras"][0]["segments"]:
            segment.update(ledger=None, closed=False)
        moments = {name: self.manifest[f"{name}_us"] + 60_000_000 for name in ("started", "made")}
        self.tell(self.manifest, **moments)
        lines = [json.loads(line) for line in self.contents[CUSTODY].splitlines()]
        for line in lines[1:]:
            line.update(at_us=moments[line["event"]], at_utc=utc_text(moments[line["event"]]))
        self.contents[CUSTODY] = b"".join(map(json_line, lines))

    def of_clock(self, offset_us: int) -> None:
        """Tell that the camera's clock was off by so much."""
        for segment in self.manifest["cameras"][0]["segments"]:
            segment["clock_offset_us"] = offset_us

    def in_custody(self, old: bytes, new: bytes) -> None:
        """Change the custody log."""
        assert old in self.contents[CUSTODY]
        self.contents[CUSTODY] = self.contents[CUSTODY].replace(old, new)

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


def mishashed(path: Path, package: Path, pieces: list[str], sha256: str | None = None) -> Path:
    """Have the manifest tell another hash of the video, or more of pieces, and all else fit to it."""
    contents, key = contents_of(package), SigningKey.of(package.parents[1])
    manifest = json.loads(contents[MANIFEST])
    file = next(file for file in manifest["files"] if file["name"] == VIDEO)
    file["pieces"] += pieces
    file["sha256"] = sha256 or file["sha256"]
    contents[MANIFEST] = json_document(manifest)
    contents[SIGNATURE] = key.sign(contents[MANIFEST])
    contents[SUMS] = sums_text(
        {file["name"]: file["sha256"] for file in manifest["files"]}
        | {name: hashlib.sha256(contents[name]).hexdigest() for name in (MANIFEST, SIGNATURE)}
    ).encode()
    return zipped(path, contents)
