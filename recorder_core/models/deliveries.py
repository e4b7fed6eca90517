"""Copies of exports in folders from which people take them, as they travel over the API.

A copy always expires: a delivery folder is a place to take something from, not one to keep it in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from recorder_core.json_data import JsonData

from .problem import Problem

LONGEST_FOLDER_NAME: Final = 64
"""Of a delivery folder, in characters."""


class DeliveryState(StrEnum):
    """The life of a copy.

    `removing`: given up, but its files may still lie in the folder, which is away or refuses; they go as soon as they
    can. `failed`: it never was whole.
    """

    COPYING = "copying"
    DELIVERED = "delivered"
    REMOVING = "removing"
    REMOVED = "removed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFolder(JsonData):
    """A folder that takes copies of exports, by the name that people know it by."""

    name: str
    path: str


def is_folder_name(name: str) -> bool:
    """Whether a delivery folder may have this name: 1 to 64 characters on one line, without blanks around them."""
    return 0 < len(name) <= LONGEST_FOLDER_NAME and name.isprintable() and name == name.strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRequest(JsonData):
    """A copy to make in the folder of this name. Without `expires_us` it goes after the settings' `delivery_days`."""

    folder: str
    expires_us: int | None = None
    actor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRemoval(JsonData):
    """Who has a copy removed before its time."""

    actor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredFile(JsonData):
    """One file of a copy. `sha256`, in hexadecimal, is the export's own and that of the bytes that were copied."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery(JsonData):
    """A copy of an export's files. `folder` is the delivery folder's name, `path` the copy's own folder within it.

    `camera_ids`, `start_us` and `end_us` are the export's, so that the copy can be given up where that is not known.

    `removed_us` is when it was given up, `removed_by` by whom, None where a rule did it.
    """

    delivery_id: str
    export_id: str
    folder: str
    path: str
    state: DeliveryState
    created_us: int
    expires_us: int
    camera_ids: list[str]
    start_us: int
    end_us: int
    files: list[DeliveredFile] = field(default_factory=list)
    actor: str = ""
    removed_us: int | None = None
    removed_by: str | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryList(JsonData):
    """Copies, the newest first."""

    deliveries: list[Delivery]
