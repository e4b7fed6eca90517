"""Cutting clips out of what is stored: plan what a clip takes and shows, then write it without transcoding."""

from recorder_core.export.clip import write_clip
from recorder_core.export.clip_plan import ClipPart, ClipPlan, plan_clip
from recorder_core.export.copying import ClipCancelledError
from recorder_core.export.source import ClipSource

__all__ = ["ClipCancelledError", "ClipPart", "ClipPlan", "ClipSource", "plan_clip", "write_clip"]
