"""Taking an encoder's byte stream (H.264 annex B) apart into what an MP4 file has: parameter sets and samples."""

from __future__ import annotations

import re

from recorder_core.media import Codec
from recorder_core.parameter_sets import nal_unit_type

_START_CODE = re.compile(rb"\x00*\x00\x00\x01")
_PARAMETER_SETS = (7, 8)
_SUPPLEMENTARY = 6
"""How the encoder was set, which nobody needs who decodes."""


def parameter_sets_and_sample(stream: bytes) -> tuple[list[bytes], bytes]:
    """Return the parameter sets of one picture of H.264, and its slices with 4-byte lengths."""
    units = [unit for unit in _START_CODE.split(stream) if unit]
    sets = [unit for unit in units if nal_unit_type(Codec.H264, unit) in _PARAMETER_SETS]
    rest = (unit for unit in units if nal_unit_type(Codec.H264, unit) not in (*_PARAMETER_SETS, _SUPPLEMENTARY))
    return sets, b"".join(len(unit).to_bytes(4) + unit for unit in rest)
