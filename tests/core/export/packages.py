"""Packages for tests: real footage of two cameras on disk, an hour's entry of the ledger over it, and a key."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recorder_core.export import ClipPlan, ClipSource, plan_clip
from recorder_core.export.package import CameraPlan, PackageOrder, SigningKey, write_package
from recorder_core.export.package.layout import MANIFEST, PIECE_BYTES, SIGNATURE, SUMS, json_document, sums_text
from recorder_core.export.package.zip_file import ZipWriter
from recorder_core.ledger_chain import GENESIS, canonical, entry_hash
from recorder_core.merkle import audit_path, leaf_hash, root_of
from recorder_core.models import GapView, LedgerEntry, LedgerKind, PackageRequest, StartMode
from recorder_core.mp4 import read_outline
from recorder_core.storage.records import Segment
from recorder_core.storage.root_rows import RootProof
from tests.core.export.library import START_US, record
from tests.core.mp4.footage import FRAME_US, H264_B, Encoding

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from recorder_core.export.package.findings import PackageReport

MADE_US = START_US + 3_600_000_000
CAMERA = "entrance"
"""The camera that the footage names."""

STEM = f"{CAMERA}_20231114T221320Z"
"""How the files of its clip begin."""


@dataclass(frozen=True, slots=True)
class StoppedClock:
    """It is always the same time."""

    at_us: int = MADE_US

    def now_us(self) -> int:
        """The wall clock."""
        return self.at_us

    def monotonic_us(self) -> int:
        """Not a moment passes."""
        return 0

    async def sleep(self, seconds: float) -> None:
        """Nothing to wait for."""


def segment_row(source: ClipSource, *, closed: bool = True, clock_offset_us: int | None = -250_000) -> Segment:
    """The index's row of a file."""
    outline = read_outline(source.path)
    return Segment(
        segment_id=outline.segment_id,
        camera_id=outline.camera_id,
        run_id=source.run_id,
        volume_id="volume",
        path=f"cameras/{outline.camera_id}/2023-11-14/{source.path.name}",
        start_us=source.start_us,
        wall_duration_us=source.wall_duration_us,
        media_duration=sum(span.duration for span in source.fragments),
        size=source.path.stat().st_size,
        root=outline.root if closed else b"",
        fragments=source.fragments,
        samples=sum(head.samples for head in outline.fragments),
        clock_offset_us=clock_offset_us,
        host_synchronised=True,
    )


def ledger_proofs(segments: list[Segment]) -> dict[int, RootProof]:
    """The proofs that an entry over these segments gives."""
    ordered = sorted(segments, key=lambda segment: segment.segment_id)
    leaves = [leaf_hash(segment.root) for segment in ordered]
    body = canonical({"camera_id": CAMERA, "segments": len(leaves), "root": root_of(leaves).hex()})
    digest = entry_hash(GENESIS, 1, MADE_US - 1, LedgerKind.ROOTS, body)
    entry = LedgerEntry(
        seq=1, at_us=MADE_US - 1, kind=LedgerKind.ROOTS, body=body, previous=GENESIS.hex(), hash=digest.hex()
    )
    return {
        segment.segment_id: RootProof(entry, index, len(leaves), tuple(audit_path(leaves, index)))
        for index, segment in enumerate(ordered)
    }


def package_order(
    folder: Path,
    first: float = 13,
    end: float = 50,
    *,
    mode: StartMode = StartMode.NEXT_SYNC,
    encoding: Encoding = H264_B,
    frames: int = 60,
    gap: bool = False,
) -> PackageOrder:
    """An order for pictures `first` to `end` - 1 of one camera in two files, and for another without footage."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = record(folder / "recordings", encoding, frames, cut_at=(3,))
    if gap:
        later = START_US + (frames + 25) * FRAME_US
        sources += record(
            folder / "recordings", encoding, frames, start_us=later, run_id="run-2", first_segment_id=1000
        )
    start_us, end_us = (START_US + round(number * FRAME_US) for number in (first, end))
    segments = [segment_row(source) for source in sources]
    request = PackageRequest(
        camera_ids=[CAMERA, "garage"],
        start_us=start_us,
        end_us=end_us,
        start_mode=mode,
        actor="user-7",
        request_id="request-12",
        basis="subpoena",
    )
    entrance = CameraPlan(
        camera_id=CAMERA,
        camera_name="Entrance, Łódź",
        plan=plan_clip(sources, start_us, end_us, mode),
        gaps=(GapView(start_us=start_us - 5, end_us=start_us + 5, reason="stalled"),),
        destroyed=(),
        segments=tuple(segments),
        proofs=ledger_proofs(segments) if not gap else {},
    )
    garage = CameraPlan(
        camera_id="garage",
        camera_name="Garage",
        plan=ClipPlan(()),
        gaps=(GapView(start_us=start_us, end_us=None, reason="disabled"),),
        destroyed=(),
        segments=(),
        proofs={},
    )
    return PackageOrder(
        export_id="0123456789abcdef0123456789abcdef",
        request=request,
        plans=(entrance, garage),
        store_id="store-1",
        version="0.1.0",
        requested_us=MADE_US - 3_000_000,
        started_us=MADE_US - 2_000_000,
        time_zone="America/Denver",
        key=SigningKey.of(folder),
        policy_version="H-2024-1",
    )


def made_package(folder: Path, order: PackageOrder | None = None) -> Path:
    """Write a package and return its path."""
    out = folder / "exports"
    out.mkdir(parents=True)
    (file,) = write_package(order or package_order(folder), out, clock=StoppedClock())
    return folder / "exports" / file.path.rsplit("/", 1)[1]


def contents_of(package: Path) -> dict[str, bytes]:
    """The files of a package in their order."""
    with zipfile.ZipFile(package) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def resigned(
    path: Path, contents: Mapping[str, bytes], key: SigningKey, zeros: Mapping[str, int] | None = None
) -> Path:
    """Write a package of these contents as somebody who has the key could: with hashes and signature that fit.

    `zeros` are files that get so many zero bytes instead, which take no room on the disk.
    """
    manifest = json.loads(contents[MANIFEST])
    holes = zeros or {}
    for file in manifest["files"]:
        name = file["name"]
        if name in holes:
            pieces = [bytes(PIECE_BYTES)] * (holes[name] // PIECE_BYTES)
        else:
            pieces = [contents[name][at : at + PIECE_BYTES] for at in range(0, len(contents[name]), PIECE_BYTES)]
        whole = hashlib.sha256()
        for piece in pieces:
            whole.update(piece)
        file["size"], file["sha256"] = sum(map(len, pieces)), whole.hexdigest()
        hashes = {piece: hashlib.sha256(piece).hexdigest() for piece in set(pieces)}
        file["pieces"] = [hashes[piece] for piece in pieces]
    data = json_document(manifest)
    sums = {file["name"]: file["sha256"] for file in manifest["files"]}
    own = {MANIFEST: data, SIGNATURE: key.sign(data)}
    sums |= {name: hashlib.sha256(content).hexdigest() for name, content in own.items()}
    ordered = {file["name"]: contents[file["name"]] for file in manifest["files"]}
    return zipped(path, {**ordered, **own, SUMS: sums_text(sums).encode()}, manifest["started_us"], holes)


def zipped(
    path: Path,
    contents: Mapping[str, bytes],
    made_us: int = MADE_US - 2_000_000,
    zeros: Mapping[str, int] | None = None,
) -> Path:
    """Pack contents as the recorder does, in the order in which they are."""
    with path.open("w+b") as out:
        archive = ZipWriter(out, made_us)
        for name, content in contents.items():
            archive.begin(name)
            if zeros and name in zeros:
                out.seek(zeros[name], os.SEEK_CUR)
                archive._size = zeros[name]
                archive._crc = crc_of_zeros(zeros[name])
            else:
                archive.write(content)
            archive.end()
        archive.close()
    return path


def sums_of(contents: Mapping[str, bytes]) -> bytes:
    """The list of sums that fits these contents."""
    return sums_text(
        {name: hashlib.sha256(content).hexdigest() for name, content in contents.items() if name != SUMS}
    ).encode()


def crc_of_zeros(size: int) -> int:
    """The CRC-32 of so many zero bytes."""
    crc = 0
    for _ in range(size // PIECE_BYTES):
        crc = zlib.crc32(bytes(PIECE_BYTES), crc)
    return crc


def unpacked_to(package: Path, folder: Path) -> dict[str, Path]:
    """Unpack a package; return its files by name."""
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)
    return {path.name: path for path in folder.iterdir()}


def flipped(path: Path, at: int, to: Path) -> Path:
    """Copy a file and flip one bit of it on the way."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    to.write_bytes(data)
    return to


def named(report: PackageReport) -> set[tuple[str, str]]:
    """The files of findings, and what is the matter with them."""
    return {(finding.file, str(finding.flaw)) for finding in report.findings}
