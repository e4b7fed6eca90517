"""Fragmented and progressive MP4 (ISO/IEC 14496-12), video only: pure functions, and readers that trust nothing."""

from recorder_core.mp4.boxes import Mp4Error
from recorder_core.mp4.fragment import fragment_header
from recorder_core.mp4.init import init_segment

__all__ = ["Mp4Error", "fragment_header", "init_segment"]
