"""What a camera has counted since it was started, for tests and checks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class CameraCounters:
    """Numbers that only grow."""

    connections: int = 0
    requests: int = 0
    describes: int = 0
    video_setups: int = 0
    audio_setups: int = 0
    plays: int = 0
    teardowns: int = 0
    keep_alives: int = 0
    """GET_PARAMETER and OPTIONS with a living session."""
    unauthorized: int = 0
    timeouts: int = 0
    """Sessions that ended for want of a keep-alive."""
    frames_taken: int = 0
    """Pictures that the camera has made."""
    frames_sent: int = 0
    """Pictures that at least one client was sent."""
    packets_sent: int = 0
    packets_lost: int = 0
    """Packets held back by `LosePackets`."""
    audio_packets_sent: int = 0
    reports_sent: int = 0
