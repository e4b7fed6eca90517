"""Small quick cameras for tests."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from recorder_core.simulator import SimulatedCamera, VideoCodec, VideoSettings

if TYPE_CHECKING:
    import av
    from numpy.typing import NDArray

QUICK = VideoSettings(width=320, height=192, fps=50, gop=10, bitrate=400_000)
"""The smallest picture that has room for the frame code; sync samples come five times a second."""

QUICK_H265 = replace(QUICK, codec=VideoCodec.H265)
QUICK_B_FRAMES = replace(QUICK, b_frames=2)


def grey(picture: av.VideoFrame) -> NDArray[np.uint8]:
    """A decoded picture's luma."""
    return np.asarray(picture.reformat(format="gray").to_ndarray(), np.uint8)


CAMERA = SimulatedCamera("door", "Door", number=7, video=QUICK)
