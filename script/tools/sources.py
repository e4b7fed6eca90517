"""Where the benchmarks' cameras come from: a server process that loops known material."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .material import Material, ensure_material
from .processes import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

_HERE: Final = Path(__file__).parent
GSTREAMER_PACKAGES: Final = (
    "gir1.2-gst-rtsp-server-1.0",
    "python3-gi",
    "gstreamer1.0-plugins-base",
    "gstreamer1.0-plugins-good",
)


@dataclass(frozen=True, slots=True)
class Source:
    """Running cameras: their server, their addresses, and what they loop."""

    process: subprocess.Popen[bytes]
    urls: list[str]
    material: Material

    @property
    def names(self) -> list[str]:
        """What the cameras are called, in the order of their addresses."""
        return [f"cam{number}" for number in range(len(self.urls))]


@contextlib.contextmanager
def gstreamer(cameras: int) -> Iterator[Source]:
    """Serve the material from GStreamer's RTSP server, a mount for each camera."""
    subprocess.run([_HERE.parent / "system-packages", *GSTREAMER_PACKAGES], check=True)
    folder, material = ensure_material()
    with serving(["/usr/bin/python3", _HERE / "gst_server.py", folder, str(cameras)]) as (process, line):
        yield Source(process, [f"rtsp://127.0.0.1:{int(line)}/cam{number}" for number in range(cameras)], material)


@contextlib.contextmanager
def simulator(cameras: int) -> Iterator[Source]:
    """Replay one loop from the project's own simulator, a port for each camera."""
    with serving([sys.executable, "-m", "script.tools.load_cameras", str(cameras)]) as (process, line):
        told = json.loads(line)
        yield Source(process, told["urls"], Material(**told["material"]))
