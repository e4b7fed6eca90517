"""Errors as values that travel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder_core.models import Problem

if TYPE_CHECKING:
    from recorder_core.errors import RecorderError


def problem_of(error: RecorderError) -> Problem:
    """Return an error as it travels."""
    return Problem(code=error.code, message=error.message, placeholders=error.placeholders)
