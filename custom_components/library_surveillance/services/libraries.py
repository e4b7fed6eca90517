"""Asking libraries: one, all for what all of them have, or all for the one that knows an id.

A library that cannot be asked is named, for its answer might have been another one. A library is loaded anew whenever
somebody changes it or a camera: what is asked meanwhile waits for that, and what takes long is not ended by it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from homeassistant.config_entries import ConfigEntryState

from custom_components.library_surveillance.connection import connection_for
from custom_components.library_surveillance.const import DOMAIN
from custom_components.library_surveillance.errors import translated
from recorder_core.errors import ErrorCode, RecorderError

from .action import failed, invalid

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from homeassistant.core import HomeAssistant
    from homeassistant.exceptions import HomeAssistantError

    from custom_components.library_surveillance.coordinator import LibraryConfigEntry
    from recorder_core.api.client import RecorderClient

_NOBODY_THERE: Final = frozenset({ErrorCode.RECORDER_UNREACHABLE, ErrorCode.UNAUTHORIZED, ErrorCode.VERSION_MISMATCH})


@dataclass(slots=True)
class Answers[T]:
    """What the libraries answered, and the titles of those that could not be asked."""

    given: list[T] = field(default_factory=list)
    away: list[str] = field(default_factory=list)


async def async_is_loaded(entry: LibraryConfigEntry) -> bool:
    """Return whether a library is loaded, once nobody loads or unloads it any more."""
    async with entry.setup_lock:
        return entry.state is ConfigEntryState.LOADED


def client_of(hass: HomeAssistant, entry: LibraryConfigEntry) -> RecorderClient:
    """Return a client of the caller's own, for the caller to close: the entry's is closed when it is unloaded."""
    return connection_for(hass, entry.data).client


async def async_ask_all[T](hass: HomeAssistant, ask: Callable[[RecorderClient], Awaitable[T]]) -> Answers[T]:
    """Ask every library. Raises a translated error if one refuses to answer, or if none can be asked."""
    given: list[T] = []
    away: list[_AwayError] = []
    for entry in hass.config_entries.async_entries(DOMAIN):
        try:
            given.append(await _async_ask(hass, entry, ask))
        except _AwayError as err:
            away.append(err)
        except RecorderError as err:
            raise translated(err) from err
    if not given:
        raise _nobody(away)
    return Answers(given, [err.title for err in away])


async def async_ask_who_knows[T](
    hass: HomeAssistant, ask: Callable[[RecorderClient], Awaitable[T]], unknown: ErrorCode
) -> T:
    """Return the answer of the library that knows what is asked for; all others answer `unknown`.

    Raises a translated error: the one that the library gave, or why nobody knows it.
    """
    asked = False
    away: list[_AwayError] = []
    for entry in hass.config_entries.async_entries(DOMAIN):
        try:
            return await _async_ask(hass, entry, ask)
        except _AwayError as err:
            away.append(err)
        except RecorderError as err:
            if err.code is not unknown:
                raise translated(err) from err
            asked = True
    if not asked:
        raise _nobody(away)
    if not away:
        raise invalid(unknown)
    raise failed("libraries_away", libraries=", ".join(err.title for err in away))


class _AwayError(Exception):
    """A library cannot be asked: it is not loaded, or, with an `answer`, its recorder cannot be talked to."""

    def __init__(self, title: str, answer: RecorderError | None = None) -> None:
        super().__init__(title)
        self.title = title
        self.answer = answer


async def _async_ask[T](
    hass: HomeAssistant, entry: LibraryConfigEntry, ask: Callable[[RecorderClient], Awaitable[T]]
) -> T:
    if not await async_is_loaded(entry):
        raise _AwayError(entry.title)
    try:
        async with client_of(hass, entry) as client:
            return await ask(client)
    except RecorderError as err:
        if err.code in _NOBODY_THERE:
            raise _AwayError(entry.title, err) from err
        raise


def _nobody(away: Sequence[_AwayError]) -> HomeAssistantError:
    """Return why no library could be asked: what the first recorder said, or that none is loaded."""
    for err in away:
        if err.answer is not None:
            return translated(err.answer)
    return invalid("no_library_loaded")
