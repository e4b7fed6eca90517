"""A job that is queued or runs, and how it may end without files."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode
from recorder_core.models import ExportState, Problem

if TYPE_CHECKING:
    from recorder_core.errors import RecorderError
    from recorder_core.models import ExportJob

    from .requests import AnyRequest


@dataclass(slots=True, eq=False)
class LiveJob:
    """A job on its way. `done` is set when its last state is in the index, or the recorder stops.

    `stop` tells the threads to leave off, `cancelled` that somebody wants it so for good. `readings` are what keeps the
    footage from being deleted.
    """

    job: ExportJob
    request: AnyRequest
    readings: list[int] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    stop: threading.Event = field(default_factory=threading.Event)
    cancelled: bool = False


def failed(job: ExportJob, error: RecorderError) -> ExportJob:
    """Return a job as it is when it could not be made."""
    problem = Problem(code=error.code, message=error.message, placeholders=error.placeholders)
    return replace(job, state=ExportState.FAILED, problem=problem)


def cancelled(job: ExportJob) -> ExportJob:
    """Return a job as it is when it was cancelled."""
    problem = Problem(code=ErrorCode.EXPORT_CANCELLED, message="The export was cancelled.")
    return replace(job, state=ExportState.CANCELLED, problem=problem)
