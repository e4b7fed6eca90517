"""An error as it travels over the API."""

from __future__ import annotations

from dataclasses import dataclass, field

from recorder_core.errors import ErrorCode
from recorder_core.json_data import JsonData


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem(JsonData):
    """An error as it travels: its code, an English sentence and the values for a translation."""

    code: ErrorCode
    message: str
    placeholders: dict[str, str | int | float] = field(default_factory=dict)
