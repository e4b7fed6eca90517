"""Paints each picture: a scene drawn once, and on it only what changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .frame_code import FrameCode, draw_code

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .camera import SimulatedCamera, VideoSettings


class Painter:
    """The pictures of one camera at one size."""

    def __init__(self, camera: SimulatedCamera, video: VideoSettings) -> None:
        """Draw the background."""
        self._camera = camera
        self._picture = np.full((video.height * 3 // 2, video.width), 128, np.uint8)
        self._luma = self._picture[: video.height]
        self._luma[:] = np.linspace(40, 180, video.width).astype(np.uint8)

    def paint(self, *, serial: int, time_us: int) -> NDArray[np.uint8]:
        """The next picture, planar 4:2:0; valid until the next call."""
        draw_code(self._luma, FrameCode(time_us, serial, self._camera.number))
        return self._picture
