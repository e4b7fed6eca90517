"""A recorder as one would write it with PyAV, to compare with: `pyav_recorder.py FOLDER URL…`.

One process, a thread per camera, each remuxes the video into MP4 files of 60 s. Ends at SIGINT.
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

import av

OPEN_OPTIONS = {"rtsp_transport": "tcp", "allowed_media_types": "video"}
SEGMENT_OPTIONS = {"segment_time": "60", "segment_format": "mp4", "reset_timestamps": "1"}


def record(url: str, pattern: str, ending: threading.Event) -> None:
    """Remux one camera until told to end."""
    with (
        av.open(url, options=OPEN_OPTIONS) as camera,
        av.open(pattern, "w", format="segment", options=SEGMENT_OPTIONS) as files,
    ):
        video = camera.streams.video[0]
        copy = files.add_stream_from_template(video)
        for packet in camera.demux(video):
            if ending.is_set():
                return
            if packet.dts is None:
                continue
            packet.stream = copy
            files.mux(packet)


def main() -> None:
    """Start a thread per camera and wait for the signal."""
    ending = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: ending.set())
    folder, urls = Path(sys.argv[1]), sys.argv[2:]
    threads = [
        threading.Thread(target=record, args=(url, str(folder / f"cam{number}-%03d.mp4"), ending))
        for number, url in enumerate(urls)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
