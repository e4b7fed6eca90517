"""The name of a library or a camera, as people type it. Pure."""

from __future__ import annotations

from typing import Final

from homeassistant.const import CONF_NAME

from .fault import FormFaultError

_LONGEST: Final = 256
"""What the recorder takes as a camera's name, in characters."""


def check_name(name: str) -> None:
    """Refuse no name, and one that the recorder or a line of a log cannot hold. Raises `FormFaultError`."""
    if not name:
        raise FormFaultError(CONF_NAME, "name_required")
    if len(name) > _LONGEST or not name.isprintable():
        raise FormFaultError(CONF_NAME, "name_unusable", most=str(_LONGEST))
