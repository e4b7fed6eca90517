"""What the cover letter says of a camera: what its videos show and when, what they do not show and why, and its clock.

Times are local, each with its offset from UTC, so that none can be taken for another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .absent import holes
from .layout import local_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from recorder_core.models import ExportFile, GapView
    from recorder_core.storage.records import Segment

    from .manifest import PackedCamera

_MOST_ABSENCES = 20
"""So many stretches without pictures stand on paper, the longest ones; a camera may lose its connection all day."""

_AGREES_US = 100_000


def summary(packed: PackedCamera, absent: Sequence[GapView]) -> str:
    """Return what a camera, named by its id as in the names of files, brings along, in a line."""
    frames = sum(clip.frames for clip in packed.clips)
    hidden = sum(clip.lead_in_us for clip in packed.clips)
    length = _lasting(sum(clip.duration_us for clip in packed.clips))
    videos = f"videos: {len(packed.clips)}, pictures: {frames:,}, {length}" if packed.clips else "no video"
    parts = [f"{packed.camera.camera_id}; {videos}"]
    if absent:
        missing = sum(_length(gap) for gap in absent)
        parts.append(f"not shown of the time that was asked for: {_lasting(missing)}")
    if lost := _lost_us(packed.camera.gaps, absent):
        parts.append(f"within the videos pictures are missing for {_lasting(lost)}")
    if hidden:
        parts.append(f"{_lasting(hidden)} of pictures from before the start lie hidden in the files")
    if packed.derived:
        length = _lasting(sum(one.duration_us for one in packed.derived))
        parts.append(f"re-encoded pictures, which are no originals: {length}")
    if packed.clips:
        parts.append(_clock([source.segment for source in packed.sources.values()]))
    return "; ".join(parts)


def video_line(name: str, clip: ExportFile, zone: ZoneInfo) -> str:
    """Return what a video shows."""
    shown = _interval(clip.start_us, clip.end_us, zone)
    return f"{name}: {shown}, {_lasting(clip.duration_us)}, pictures: {clip.frames:,}"


def derived_line(name: str, file: ExportFile, zone: ZoneInfo) -> str:
    """Return what re-encoded pictures show, and what they are."""
    return f"RE-ENCODED, NOT ORIGINAL: {video_line(name, file, zone)}; nothing proves what it shows"


def absence_lines(absent: Sequence[GapView], zone: ZoneInfo) -> list[str]:
    """Return the longest of the stretches that are not shown, in time order, and what there is besides."""
    longest = sorted(absent, key=_length, reverse=True)[:_MOST_ABSENCES]
    lines = [
        f"Not shown: {_interval(gap.start_us, gap.start_us + _length(gap), zone)}, {_lasting(_length(gap))}: "
        + ". ".join(filter(None, (gap.reason.replace("_", " "), gap.detail)))
        for gap in sorted(longest, key=lambda gap: gap.start_us)
    ]
    if more := len(absent) - len(longest):
        rest = sum(map(_length, absent)) - sum(map(_length, longest))
        lines.append(f"Not shown: {more:,} shorter stretches, {_lasting(rest)} in all; the manifest lists them.")
    return lines


def clock_words(segments: Sequence[Segment]) -> str:
    """Return whether the recorder's clock was right while these were recorded, as far as it is known."""
    kept = sum(segment.host_synchronised is True for segment in segments)
    if kept == len(segments):
        return "set by a time server while all of this was recorded"
    if not kept:
        return "not known to have been set by a time server"
    return f"known to have been set by a time server during {kept:,} of the {len(segments):,} recordings used"


def _clock(segments: Sequence[Segment]) -> str:
    offsets = [one.clock_offset_us for one in segments if one.clock_offset_us is not None]
    if not offsets:
        return "the camera did not tell its own time"
    most = max(offsets, key=abs)
    if abs(most) < _AGREES_US:
        return "the camera's own clock agreed with the recorder's to 0.1 s"
    return (
        f"the camera's own clock was up to {_lasting(abs(most))} {'ahead of' if most > 0 else 'behind'} the recorder's"
    )


def _lost_us(gaps: Sequence[GapView], absent: Sequence[GapView]) -> int:
    """How long the gaps last over which a video goes on, as it does when single packets are lost."""
    apart = [(gap.start_us, gap.start_us + _length(gap)) for gap in absent]
    left = (one for gap in gaps for one in holes((gap.start_us, gap.start_us + _length(gap)), apart))
    return sum(end - begin for begin, end in left)


def _interval(start_us: int, end_us: int, zone: ZoneInfo) -> str:
    """Return an interval; day and offset stand once where both ends have the same."""
    (day, begin, offset), (last_day, end, last_offset) = _at(start_us, zone), _at(end_us, zone)
    if (day, offset) == (last_day, last_offset):
        return f"{day} {begin} to {end} {offset}"
    return f"{day} {begin} {offset} to {last_day} {end} {last_offset}"


def _at(at_us: int, zone: ZoneInfo) -> tuple[str, str, str]:
    local = local_text(at_us, zone)
    return local[:10], local[11:23], local[26:]


def _length(gap: GapView) -> int:
    return (gap.start_us if gap.end_us is None else gap.end_us) - gap.start_us


def _lasting(length_us: int) -> str:
    """Return a length as people read it, and never nothing for something."""
    if length_us < _AGREES_US:
        return f"{length_us / 1e6:.3f} s"
    minutes, tenths = divmod((length_us + 50_000) // 100_000, 600)
    hours, minutes = divmod(minutes, 60)
    whole = f"{hours:,} h {minutes} min " if hours else f"{minutes} min " if minutes else ""
    return f"{whole}{tenths / 10:.1f} s"
