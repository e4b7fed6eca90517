"""Old cameras under Home Assistant, with nothing replaced: the dialog shows their picture, and saving records them."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from homeassistant.components.camera.const import CameraState
from PIL import Image

from recorder_core.simulator import SimulatedCamera, Simulator, Transport, VideoCodec, VideoSettings, read_code

from .dialog import Dialog

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

    from .library import Library

VIDEO = VideoSettings(VideoCodec.MJPEG, width=320, height=192, fps=5)
OVER_RTSP = SimulatedCamera("old", number=5, video=VIDEO)
OVER_HTTP = SimulatedCamera("old", number=6, video=VIDEO, transports=(Transport.HTTP,))


@pytest.mark.parametrize("camera", [OVER_RTSP, OVER_HTTP], ids=["rtsp", "http"])
async def test_a_camera_of_motion_jpeg_is_tried_and_recorded(
    hass: HomeAssistant, library: Library, camera: SimulatedCamera
) -> None:
    """Nobody has to choose how it is read."""
    await library.async_set_up()
    async with Simulator([camera]) as simulator:
        dialog = await Dialog.add_camera(hass, library.entry)
        advanced = {"source": "auto", "verify_ssl": True}
        await dialog.submit(name="Old door", url=simulator.url("old"), expose_video=False, advanced=advanced)
        values = dialog.values
        assert dialog.step == "trial"
        assert (values["codec"], values["resolution"], values["source"]) == ("mjpeg", "320 × 192", "pyav")  # noqa: RUF001 - the sign between two lengths
        data = values["picture"].removeprefix("![](data:image/jpeg;base64,").removesuffix(")")
        with Image.open(io.BytesIO(base64.b64decode(data, validate=True))) as picture:
            code = read_code(np.asarray(picture.convert("L")))
        assert code is not None
        assert code.camera == camera.number
        await dialog.choose("save")
        assert dialog.created
        await hass.async_block_till_done()
        await library.async_wait_for("camera.old_door", lambda state: state.state == CameraState.RECORDING)
        await library.async_status()
