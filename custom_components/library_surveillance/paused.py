"""Which cameras somebody switched off.

It is kept here, so that a recorder that lost its index never records them again by itself, and so that disabling the
entry and enabling it again changes no switch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypedDict

from homeassistant.helpers.storage import Store

from .const import DOMAIN

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

_VERSION: Final = 1


class _Stored(TypedDict):
    """The file's content."""

    cameras: list[str]


class PausedCameras:
    """The ids of an entry's paused cameras, in a file of Home Assistant's storage."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Take the entry; `async_load` follows."""
        self._store: Store[_Stored] = Store(hass, _VERSION, f"{DOMAIN}.{entry_id}")
        self._ids: frozenset[str] = frozenset()

    def __contains__(self, camera_id: str) -> bool:
        """Return whether a camera is switched off."""
        return camera_id in self._ids

    async def async_load(self) -> None:
        """Read what is stored; nothing stored means that every camera records."""
        if (stored := await self._store.async_load()) is not None:
            self._ids = frozenset(stored["cameras"])

    async def async_set(self, camera_id: str, *, paused: bool) -> None:
        """Remember a camera's switch, on disk when this returns."""
        ids = self._ids | {camera_id} if paused else self._ids - {camera_id}
        await self._store.async_save(_Stored(cameras=sorted(ids)))
        self._ids = ids

    async def async_remove(self) -> None:
        """Forget all of them."""
        await self._store.async_remove()
