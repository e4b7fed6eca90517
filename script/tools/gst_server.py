"""Cameras for the benchmarks, from GStreamer's RTSP server: `gst_server.py MATERIAL CAMERAS`.

Every mount `/cam0`, `/cam1`, … loops the material with timestamps that go on, and starts at the loop's first frame
whenever a first client comes. Runs under the system's Python, which has the GObject bindings, and uses nothing of the
project. Prints the port once it listens; ends with its standard input.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path

import gi

for namespace, version in (("Gst", "1.0"), ("GstRtsp", "1.0"), ("GstRtspServer", "1.0"), ("GLib", "2.0")):
    gi.require_version(namespace, version)
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402 - the versions must be required first

# Bytes of an RTP packet, header included: cameras stay below an Ethernet frame.
MTU = 1400
# One push of this many frames keeps calls into Python rare; the sink's clock spreads them again.
BATCH = 25


class Loop:
    """The material as buffers that share their memory."""

    def __init__(self, folder: Path) -> None:
        """Read the material."""
        index = json.loads((folder / "index.json").read_text())
        data = (folder / "loop.bin").read_bytes()
        self.frame_ns = Gst.SECOND // index["fps"]
        self.buffers = []
        start = 0
        for size in index["sizes"]:
            self.buffers.append(Gst.Buffer.new_wrapped(data[start : start + size]))
            start += size
        self.caps = Gst.Caps.from_string(
            "video/x-h264,stream-format=avc,alignment=au,width=1920,height=1080,"
            f"framerate={index['fps']}/1,codec_data=(buffer){index['codec_data']}"
        )

    def frame(self, serial: int) -> Gst.Buffer:
        """Return the frame with that serial, timed from the start of its stream."""
        buffer = self.buffers[serial % len(self.buffers)].copy()
        buffer.pts = buffer.dts = serial * self.frame_ns
        buffer.duration = self.frame_ns
        return buffer


class Feed:
    """What one stream has sent so far."""

    def __init__(self, loop: Loop, source: Gst.Element) -> None:
        """Answer the source whenever it wants more."""
        self._loop = loop
        self._serial = 0
        source.set_property("caps", loop.caps)
        source.connect("need-data", self._push)

    def _push(self, source: Gst.Element, _wanted: int) -> None:
        for _ in range(BATCH):
            source.emit("push-buffer", self._loop.frame(self._serial))
            self._serial += 1


def configure(_factory: GstRtspServer.RTSPMediaFactory, media: GstRtspServer.RTSPMedia, loop: Loop) -> None:
    """Feed a stream that a first client asked for."""
    source = media.get_element().get_by_name_recurse_up("source")
    media.feed = Feed(loop, source)


def end_with_input(main_loop: GLib.MainLoop) -> None:
    """Wait until whoever started this closes the pipe or is gone."""
    while os.read(sys.stdin.fileno(), 1):
        continue
    main_loop.quit()


def main() -> None:
    """Serve until standard input ends."""
    Gst.init(None)
    loop = Loop(Path(sys.argv[1]))
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    server.get_thread_pool().set_max_threads(2)
    mounts = server.get_mount_points()
    for number in range(int(sys.argv[2])):
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(
            "( appsrc name=source format=time block=false max-bytes=400000 "
            f"! rtph264pay name=pay0 pt=96 config-interval=-1 mtu={MTU} )"
        )
        factory.set_shared(True)
        factory.set_protocols(GstRtsp.RTSPLowerTrans.TCP)
        factory.connect("media-configure", configure, loop)
        mounts.add_factory(f"/cam{number}", factory)
    server.attach(None)
    print(server.get_bound_port(), flush=True)
    main_loop = GLib.MainLoop()
    threading.Thread(target=end_with_input, args=(main_loop,), daemon=True).start()
    main_loop.run()


if __name__ == "__main__":
    main()
