"""The manifest: what a package holds, what was asked for, and the hashes of each file. It is what gets signed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from .absent import not_shown
from .layout import FORMAT, FORMAT_VERSION, PIECE_BYTES, PUBLIC_KEY, json_document, times

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recorder_core.export.clip_plan import ClipPart
    from recorder_core.export.derivative import Derivative
    from recorder_core.media import VideoFormat
    from recorder_core.models import ExportFile, GapView
    from recorder_core.storage.root_rows import RootProof

    from .order import CameraPlan, PackageOrder
    from .taken import Source


@dataclass(frozen=True, slots=True)
class PackedFile:
    """A file as it lies in the package; `pieces` are the SHA-256 of each `PIECE_BYTES` of it, all in hexadecimal.

    `about` is what the manifest says of it besides.
    """

    name: str
    size: int
    sha256: str
    pieces: tuple[str, ...]
    about: dict[str, object]


@dataclass(slots=True)
class PackedCamera:
    """What a package took of one camera: its files, and the segments that they come from, by their ids."""

    camera: CameraPlan
    clips: list[ExportFile] = field(default_factory=list)
    derived: list[ExportFile] = field(default_factory=list)
    sources: dict[int, Source] = field(default_factory=dict)

    def not_shown(self, start_us: int, end_us: int) -> list[GapView]:
        """Return what the clips, which are originals, do not show of an interval, and why."""
        videos = [(clip.start_us, clip.end_us) for clip in self.clips]
        derived = [(one.start_us, one.end_us) for one in self.derived]
        camera = self.camera
        return not_shown((start_us, end_us), videos, camera.gaps, camera.destroyed, camera.segments, derived)


def manifest_json(
    order: PackageOrder, cameras: Sequence[PackedCamera], files: Sequence[PackedFile], made_us: int
) -> bytes:
    """Return the manifest. It is for people too: indented, and each time in microseconds, UTC and local time."""
    zone = ZoneInfo(order.time_zone)
    request = order.request
    content = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "package_id": order.export_id,
        "product_version": order.version,
        "store_id": order.store_id,
        "policy_version": order.policy_version,
        "time_zone": order.time_zone,
        **times("started", order.started_us, zone),
        **times("made", made_us, zone),
        "request": {
            "actor": request.actor,
            "request_id": request.request_id,
            "basis": request.basis,
            "camera_ids": request.camera_ids,
            **times("start", request.start_us, zone),
            **times("end", request.end_us, zone),
            "start_mode": request.start_mode,
            **times("requested", order.requested_us, zone),
        },
        "signing_key": {"algorithm": "Ed25519", "fingerprint": order.key.fingerprint, "file": PUBLIC_KEY},
        "piece_bytes": PIECE_BYTES,
        "cameras": [_camera(packed, order, zone) for packed in cameras],
        "ledger": _ledger(order),
        "files": [
            {"name": file.name, "size": file.size, "sha256": file.sha256, "pieces": file.pieces, **file.about}
            for file in files
        ],
    }
    return json_document(content)


def about_media(
    camera_id: str, part: ClipPart, clip: ExportFile, proofs: str, frames: str, zone: ZoneInfo
) -> dict[str, object]:
    """Return what the manifest says of a video. Its samples' data are its last `media_bytes`."""
    return {
        "kind": "video",
        **_about(camera_id, clip, part.video_format, zone),
        "media_bytes": part.data_bytes,
        "proofs": proofs,
        "frames_file": frames,
    }


def about_derived(
    camera_id: str, derivative: Derivative, file: ExportFile, frames: str, zone: ZoneInfo
) -> dict[str, object]:
    """Return what the manifest says of re-encoded pictures: the same, but nothing that proves them."""
    return {
        "kind": "derivative",
        **_about(camera_id, file, derivative.video_format, zone),
        "media_bytes": len(derivative.data),
        "frames_file": frames,
    }


def _about(camera_id: str, file: ExportFile, video_format: VideoFormat, zone: ZoneInfo) -> dict[str, object]:
    return {
        "derived": file.derived,
        "camera_id": camera_id,
        **times("start", file.start_us, zone),
        **times("end", file.end_us, zone),
        "duration_us": file.duration_us,
        "frames": file.frames,
        "lead_in_us": file.lead_in_us,
        "codec": video_format.codec,
        "width": video_format.width,
        "height": video_format.height,
    }


def _camera(packed: PackedCamera, order: PackageOrder, zone: ZoneInfo) -> dict[str, object]:
    camera = packed.camera
    absent = packed.not_shown(order.request.start_us, order.request.end_us)
    sources = sorted(packed.sources.values(), key=lambda source: source.segment.start_us)
    return {
        "camera_id": camera.camera_id,
        "name": camera.camera_name,
        "not_shown": [_gap(gap, zone) for gap in absent],
        "gaps": [_gap(gap, zone) for gap in camera.gaps],
        "segments": [_segment(source, camera.proofs, zone) for source in sources],
    }


def _gap(gap: GapView, zone: ZoneInfo) -> dict[str, object]:
    reason = {"reason": gap.reason, "detail": gap.detail}
    return {**times("start", gap.start_us, zone), **times("end", gap.end_us, zone), **reason}


def _segment(source: Source, proofs: Mapping[int, RootProof], zone: ZoneInfo) -> dict[str, object]:
    """What there is to say of a source segment. One that was still being written has the root of what there was."""
    segment = source.segment
    proof = proofs.get(segment.segment_id) if segment.root else None
    return {
        "segment_id": f"{segment.segment_id:016x}",
        "run_id": segment.run_id,
        **times("start", segment.start_us, zone),
        **times("end", segment.end_us, zone),
        "root": source.root.hex(),
        "leaves": source.leaves,
        "closed": bool(segment.root),
        "clock_offset_us": segment.clock_offset_us,
        "host_synchronised": segment.host_synchronised,
        "packets_lost": segment.packets_lost,
        "salvaged": segment.salvaged,
        "ledger": None
        if proof is None
        else {
            "seq": proof.entry.seq,
            "index": proof.index,
            "count": proof.count,
            "path": [node.hex() for node in proof.path],
        },
    }


def _ledger(order: PackageOrder) -> list[dict[str, object]]:
    """The ledger's entries that cover the segments, each once."""
    entries = {proof.entry.seq: proof.entry for camera in order.plans for proof in camera.proofs.values()}
    return [entries[seq].to_dict() for seq in sorted(entries)]
