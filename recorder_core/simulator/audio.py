"""The sound that every simulated camera offers, and that a recorder must never ask for: a soft tone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import av
import numpy as np

from .camera import AudioCodec


@dataclass(frozen=True, slots=True)
class AudioLoop:
    """Payloads that repeat, each `samples` long at `rate` samples per second."""

    payloads: tuple[bytes, ...]
    samples: int
    rate: int
    payload_type: int


def _tone(rate: int, count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    return (np.sin(np.arange(count) * 2 * np.pi * 440 / rate) * 2000).astype(np.int16)


def _pcmu() -> AudioLoop:
    """Half a second of mu-law (ITU-T G.711) in packets of 20 ms (RFC 3551 section 4.5.14)."""
    levels = _tone(8000, 4000).astype(np.int32)
    magnitude = np.minimum(np.abs(levels), 32635) + 132
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = magnitude >> (exponent + 3) & 0x0F
    coded = (~(np.where(levels < 0, 0x80, 0) | exponent << 4 | mantissa) & 0xFF).astype(np.uint8).tobytes()
    return AudioLoop(tuple(coded[at : at + 160] for at in range(0, len(coded), 160)), 160, 8000, 0)


def _aac() -> AudioLoop:
    """A few access units of AAC, one per packet behind its AU header (RFC 3640 section 3.3.6)."""
    context = av.CodecContext.create("aac", "w")
    context.sample_rate, context.layout, context.format = 16_000, "mono", "fltp"
    units: list[bytes] = []
    for block in np.split(_tone(16_000, 16 * 1024), 16):
        frame = av.AudioFrame.from_ndarray((block / 32768).astype(np.float32)[None, :], format="fltp", layout="mono")
        frame.sample_rate = 16_000
        units += [bytes(packet) for packet in context.encode(frame)]
    headers = [b"\x00\x10" + (len(unit) << 3).to_bytes(2) for unit in units]
    return AudioLoop(tuple(map(bytes.__add__, headers, units, strict=False)), 1024, 16_000, 97)


@cache
def audio_loop(codec: AudioCodec) -> AudioLoop:
    """The payloads of that codec; made once."""
    return {AudioCodec.PCMU: _pcmu, AudioCodec.AAC: _aac}[codec]()
