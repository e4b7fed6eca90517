"""Films of pictures with frame codes, as an encoder and a muxer that are not the recorder's write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import av
import numpy as np

from recorder_core.simulator import FrameCode, draw_code

if TYPE_CHECKING:
    from pathlib import Path

T0: Final = 1_760_000_000_000_000
FRAME_US: Final = 100_000


def code(serial: int) -> FrameCode:
    """Return the code of a picture; serial n was taken n tenths of a second after T0."""
    return FrameCode(T0 + serial * FRAME_US, serial, 7)


def film(path: Path, serials: range, *, sound: bool = False, handler: str = "", hidden: int = 0) -> None:
    """Write pictures 320 by 192 with codes, 10 a second, a sync sample every five.

    `handler` names the track, and an edit list hides the first `hidden` pictures.
    """
    with av.open(path, "w", options={"avoid_negative_ts": "disabled"}) as container:
        video = container.add_stream("libx264", rate=10, options={"preset": "ultrafast", "g": "5"})
        video.width, video.height, video.pix_fmt = 320, 192, "yuv420p"
        if handler:
            video.metadata["handler_name"] = handler
        if sound:
            container.add_stream("aac", rate=8000)
        for number, serial in enumerate(serials, -hidden):
            picture = np.full((288, 320), 128, np.uint8)
            draw_code(picture[:192], code(serial))
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
            frame.pts = number
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
