"""The folders for footage, index and copies: may they lie there, is there room, do the limits fit.

Blocking: call it in an executor. Looking creates nothing. Keeps footage out of every folder that Home Assistant
serves to its users, and the index off file systems that cannot lock it. Refuses with `FormFaultError`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from homeassistant.const import CONF_PATH

from custom_components.library_surveillance.const import (
    CONF_DELIVERY_FOLDERS,
    CONF_FOOTAGE_PATH,
    CONF_INDEX_PATH,
    CONF_RECORDER,
    DOMAIN,
    RecorderKind,
)
from recorder_core.errors import ErrorCode
from recorder_core.storage.folder_check import FolderCheck, check_folder

from .fault import FormFaultError
from .forms import SECTION_ADVANCED
from .limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homeassistant.config_entries import ConfigEntry
    from homeassistant.core import HomeAssistant

    from .forms import Form

INDEX_FOLDER: Final = "recorder"
_MODE: Final = 0o700
_NAME_BYTES: Final = 255
"""NAME_MAX of the file systems that footage lies on."""

# The sentences of the flow for what the recorder says against a folder; all others read "folder_failed".
_KEYS: Final = {
    ErrorCode.BAD_REQUEST: "not_a_folder",
    ErrorCode.VOLUME_MISSING: "folder_missing",
    ErrorCode.VOLUME_OVERLAY: "folder_on_overlay",
    ErrorCode.VOLUME_NETWORK: "folder_on_network",
    ErrorCode.VOLUME_READ_ONLY: "folder_not_writable",
    ErrorCode.VOLUME_FULL: "folder_full",
}


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Folders that are somebody's already: Home Assistant's, by the key of the refusal, and other libraries'."""

    served: tuple[tuple[str, Path], ...]
    taken: tuple[tuple[str, Path], ...]

    @classmethod
    def of(cls, hass: HomeAssistant) -> Neighbours:
        """Return what is configured now."""
        config = hass.config
        media = (("folder_in_media", Path(path)) for path in config.media_dirs.values())
        allowed = (("folder_in_allowlist", Path(path)) for path in sorted(config.allowlist_external_dirs))
        return cls(
            (("folder_in_config", Path(config.config_dir)), *media, *allowed),
            tuple(
                (entry.title, Path(path))
                for entry in hass.config_entries.async_entries(DOMAIN)
                if entry.data[CONF_RECORDER] == RecorderKind.LOCAL
                for path in _paths_of(entry)
            ),
        )


@dataclass(frozen=True, slots=True)
class Room:
    """Folders that will do, without symbolic links, and where the footage goes; sizes in bytes."""

    footage: Path
    index: Path
    filesystem: str
    total_bytes: int
    free_bytes: int


def find_room(form: Form, neighbours: Neighbours) -> Room:
    """Return the folders of a filled-in form."""
    index_text = form[SECTION_ADVANCED].get(CONF_INDEX_PATH)
    footage = resolved(CONF_FOOTAGE_PATH, form[CONF_FOOTAGE_PATH], neighbours)
    index = resolved(SECTION_ADVANCED, index_text, neighbours) if index_text else footage / INDEX_FOLDER
    beside = not index.is_relative_to(footage)
    check = _checked(CONF_FOOTAGE_PATH, footage, network=beside)
    if beside:
        _checked(SECTION_ADVANCED, index, network=False)
    limits = Limits.of(form)
    limits.check()
    limits.check_fit(check.total_bytes, check.free_bytes)
    return Room(footage, index, check.filesystem, check.total_bytes, check.free_bytes)


def take_room(form: Form, neighbours: Neighbours) -> None:
    """Look once more and create what is missing of the folders, for this user alone."""
    room = find_room(form, neighbours)
    for folder in (room.footage, room.index):
        for part in (*reversed(folder.parents), folder):
            try:
                part.mkdir(mode=_MODE, exist_ok=True)
            except OSError as err:
                raise FormFaultError(
                    CONF_FOOTAGE_PATH, "folder_failed", folder=str(part), detail=err.strerror or type(err).__name__
                ) from err


def _paths_of(entry: ConfigEntry) -> Iterator[str]:
    """Yield the folders of a library whose recorder Home Assistant runs."""
    yield from (entry.data[key] for key in (CONF_FOOTAGE_PATH, CONF_INDEX_PATH))
    yield from (folder[CONF_PATH] for folder in entry.options.get(CONF_DELIVERY_FOLDERS, ()))


def resolved(field: str, text: str, neighbours: Neighbours) -> Path:
    """Return the folder without symbolic links; refuse one that touches somebody's."""
    path = Path(text.strip())
    if "\0" in text or not path.is_absolute():
        raise FormFaultError(field, "folder_not_absolute", folder=text)
    path = path.resolve()
    if not str(path).isprintable() or any(len(os.fsencode(part)) > _NAME_BYTES for part in path.parts):
        raise FormFaultError(field, "folder_name_unusable", folder=text, most=str(_NAME_BYTES))
    for key, folder in neighbours.served:
        if _touch(path, folder.resolve()):
            raise FormFaultError(field, key, folder=text, other=str(folder))
    for other, folder in neighbours.taken:
        if _touch(path, folder.resolve()):
            raise FormFaultError(field, "folder_taken", folder=text, other=other)
    return path


def _touch(one: Path, other: Path) -> bool:
    """Return whether one folder lies in the other, or is it."""
    return one.is_relative_to(other) or other.is_relative_to(one)


def _checked(field: str, folder: Path, *, network: bool) -> FolderCheck:
    """Return what the recorder says of the folder; refuse one that it would not take."""
    check = check_folder(folder, accepted={ErrorCode.VOLUME_NETWORK} if network else ())
    if check.problem is not None:
        raise FormFaultError(
            field,
            _KEYS.get(check.problem.code, "folder_failed"),
            folder=str(folder),
            filesystem=check.filesystem,
            detail=check.problem.message,
        )
    return check
