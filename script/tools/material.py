"""The looping picture material of the benchmarks: encoded once per machine, kept in the user's cache.

A loop is 250 access units of 1080p25 H.264 at 4 Mbit/s. Each is kept as the MP4 sample that a recorder should store
(4-byte lengths, neither parameter sets nor delimiters nor SEI), so its SHA-256 tells from a stored sample which
frame of the loop it is.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import av
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTH: Final = 1920
HEIGHT: Final = 1080
FPS: Final = 25
BITRATE: Final = 4_000_000
FRAMES: Final = 250
GOP: Final = 50
SLICES: Final = (1, 5)  # nal_unit_type of coded slices, H.264 table 7-1
SPS: Final = 7
PPS: Final = 8
VERSION: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What is looped: the frame rate, the decoder configuration in hexadecimal, each sample's size and SHA-256."""

    fps: int
    codec_data: str
    sizes: list[int]
    sha256: list[str]

    @property
    def bytes_per_second(self) -> float:
        """How many bytes of video one camera sends each second."""
        return sum(self.sizes) * self.fps / len(self.sizes)


def cache_folder() -> Path:
    """The project's folder in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "library_surveillance"


def ensure_material() -> tuple[Path, Material]:
    """Return the folder with `loop.bin` and `index.json`, making it where it is missing."""
    folder = cache_folder() / f"bench-{VERSION}"
    if not (folder / "index.json").exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=folder.parent))
        _make(work)
        shutil.rmtree(folder, ignore_errors=True)
        work.rename(folder)
    return folder, Material(**json.loads((folder / "index.json").read_text()))


def _make(folder: Path) -> None:
    units = [list(_nal_units(packet)) for packet in _encode()]
    parameter_sets = {nal[0] & 31: nal for unit in units for nal in unit if nal[0] & 31 in {SPS, PPS}}
    samples = [b"".join(len(nal).to_bytes(4) + nal for nal in unit if nal[0] & 31 in SLICES) for unit in units]
    material = Material(
        fps=FPS,
        codec_data=_decoder_configuration(parameter_sets[SPS], parameter_sets[PPS]).hex(),
        sizes=[len(sample) for sample in samples],
        sha256=[hashlib.sha256(sample).hexdigest() for sample in samples],
    )
    if len(set(material.sha256)) != FRAMES:
        message = "two frames of the loop are alike, so a stored sample would not tell which one it is"
        raise RuntimeError(message)
    (folder / "loop.bin").write_bytes(b"".join(samples))
    (folder / "index.json").write_text(json.dumps(asdict(material)))


def _encode() -> Iterator[bytes]:
    """Encode a noisy texture that drifts, so that the rate control, not the picture, decides about the size."""
    codec = av.CodecContext.create("libx264", "w")
    codec.width, codec.height, codec.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    codec.framerate, codec.bit_rate, codec.gop_size = FPS, BITRATE, GOP
    codec.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "x264-params": f"keyint={GOP}:min-keyint={GOP}:scenecut=0:sliced-threads=0:"
        f"vbv-maxrate={BITRATE // 1000}:vbv-bufsize={BITRATE // 1000}",
    }
    random = np.random.default_rng(1)
    texture = random.integers(60, 200, (HEIGHT + FRAMES, WIDTH + FRAMES), dtype=np.uint8)
    chroma = np.full((HEIGHT // 2, WIDTH), 128, dtype=np.uint8)
    for number in range(FRAMES):
        luma = texture[number : number + HEIGHT, number : number + WIDTH]
        planes = np.concatenate((luma, chroma), dtype=np.uint8).reshape(HEIGHT * 3 // 2, WIDTH)
        for packet in codec.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")):
            yield bytes(packet)
    for packet in codec.encode(None):
        yield bytes(packet)


def _nal_units(annex_b: bytes) -> Iterator[bytes]:
    """Split at start codes (H.264 annex B); a zero before a start code belongs to it."""
    for part in annex_b.split(b"\x00\x00\x01")[1:]:
        yield part.rstrip(b"\x00")


def _decoder_configuration(sps: bytes, pps: bytes) -> bytes:
    """Return an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 section 5.3.3) with 4-byte lengths."""
    head = bytes((1, sps[1], sps[2], sps[3], 0xFF, 0xE1))
    return head + len(sps).to_bytes(2) + sps + b"\x01" + len(pps).to_bytes(2) + pps
