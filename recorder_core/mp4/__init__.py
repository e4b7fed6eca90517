"""Fragmented and progressive MP4 (ISO/IEC 14496-12), video only: pure functions, and readers that trust nothing."""

from recorder_core.mp4.boxes import Mp4Error
from recorder_core.mp4.fragment import DIGEST_BYTES, fragment_header
from recorder_core.mp4.fragment_head import FragmentHead, FragmentLayout, SampleLayout
from recorder_core.mp4.init import InitSegment, init_segment
from recorder_core.mp4.progressive import SampleTable, derived_handler, progressive_header
from recorder_core.mp4.progressive_reader import ProgressiveLayout, read_progressive
from recorder_core.mp4.reader import (
    SegmentLayout,
    check_only_video_track,
    read_fragment,
    read_fragment_head,
    read_init,
    read_outline,
    read_segment,
)
from recorder_core.mp4.root import segment_leaves
from recorder_core.mp4.track import VIDEO_HANDLER

__all__ = [
    "DIGEST_BYTES",
    "VIDEO_HANDLER",
    "FragmentHead",
    "FragmentLayout",
    "InitSegment",
    "Mp4Error",
    "ProgressiveLayout",
    "SampleLayout",
    "SampleTable",
    "SegmentLayout",
    "check_only_video_track",
    "derived_handler",
    "fragment_header",
    "init_segment",
    "progressive_header",
    "read_fragment",
    "read_fragment_head",
    "read_init",
    "read_outline",
    "read_progressive",
    "read_segment",
    "segment_leaves",
]
