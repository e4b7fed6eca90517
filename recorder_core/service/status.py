"""Puts together what travels as a camera's status: its configuration, what capture does, and what is stored. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder_core.models import CameraStatus

from .problems import problem_of

if TYPE_CHECKING:
    from recorder_core.capture import CaptureStatus
    from recorder_core.models import CameraConfig

    from .figures import Figures
    from .kept import Kept


def camera_status(
    config: CameraConfig,
    capture: CaptureStatus,
    figures: Figures,
    kept: Kept,
    *,
    gap_start_us: int | None,
    now_us: int,
) -> CameraStatus:
    """Return the status of a camera at `now_us`.

    A gap that lasts (since `gap_start_us`) goes on growing after the figures were read.
    """
    gap_us = figures.gap_us
    if gap_start_us is not None:
        gap_us += max(now_us - max(gap_start_us, figures.at_us), 0)
    form = capture.format
    return CameraStatus(
        camera_id=config.camera_id,
        name=config.name,
        enabled=config.enabled,
        state=capture.state,
        since_us=capture.since_us,
        problem=None if capture.problem is None else problem_of(capture.problem),
        source=capture.source,
        codec=None if form is None else form.codec,
        width=None if form is None else form.width,
        height=None if form is None else form.height,
        audio_offered=capture.audio_offered,
        run_id=capture.run_id,
        oldest_us=figures.oldest_us,
        newest_us=figures.newest_us,
        stored_bytes=figures.stored_bytes,
        bytes_per_day=figures.bytes_per_day,
        gap_s_today=gap_us / 1_000_000,
        clock_offset_us=capture.clock_offset_us,
        packets_lost=capture.packets_lost,
        retention=config.retention,
        achieved_days=kept.achieved_days(now_us),
        below_minimum=kept.below_minimum(config.retention, now_us),
        held_bytes=kept.held_bytes,
    )
