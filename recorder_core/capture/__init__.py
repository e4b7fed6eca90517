"""From a camera's address to fragments on a volume: sources, runs, gaps, and the life around them."""

from .camera import CameraRecorder, CaptureStatus
from .sink import CaptureSink
from .source import CaptureConfig

__all__ = ["CameraRecorder", "CaptureConfig", "CaptureSink", "CaptureStatus"]
