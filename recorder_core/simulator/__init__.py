"""Cameras in pure Python, RTSP and old HTTP ones, for tests, demonstrations and benchmarks, with faults on demand.

They share no parser and no packetizer with the recorder, so that one misreading of a specification cannot hide in
both. Every picture carries a frame code (`read_code`) that says when it was taken; every frame sent is logged.
"""

from .camera import AudioCodec, Challenge, SceneKind, SimulatedCamera, Transport, VideoCodec, VideoSettings
from .faults import (
    ChangeSsrc,
    ChangeVideo,
    Disconnect,
    Fault,
    Garbage,
    JumpSequence,
    JumpTimestamp,
    LosePackets,
    Quirk,
    ReorderPackets,
    SlowAnswers,
)
from .frame_code import FrameCode, draw_code, read_code
from .frame_log import FrameRecord
from .simulator import Simulator

__all__ = [
    "AudioCodec",
    "Challenge",
    "ChangeSsrc",
    "ChangeVideo",
    "Disconnect",
    "Fault",
    "FrameCode",
    "FrameRecord",
    "Garbage",
    "JumpSequence",
    "JumpTimestamp",
    "LosePackets",
    "Quirk",
    "ReorderPackets",
    "SceneKind",
    "SimulatedCamera",
    "Simulator",
    "SlowAnswers",
    "Transport",
    "VideoCodec",
    "VideoSettings",
    "draw_code",
    "read_code",
]
