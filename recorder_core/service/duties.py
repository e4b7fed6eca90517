"""What the recorder does by itself again and again, and which of it fails for now: survived, recorded and shown.

A duty that fails is tried again with its next turn, whatever the reason was; until it is done once more, the status
names it. So nobody takes a recorder for sound that has not swept, or told its ledger of footage, for days.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from recorder_core.errors import RecorderError

from .events import EventKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from recorder_core.models import Duty

    from .events import EventLog

_LOGGER = logging.getLogger(__name__)


class Duties:
    """All duties of a recorder, on the running event loop."""

    def __init__(self, events: EventLog, on_changed: Callable[[], None]) -> None:
        """Tell by `events`, and call `on_changed` when the status is to show something else."""
        self._events = events
        self._on_changed = on_changed
        self._failing: set[Duty] = set()

    @property
    def failing(self) -> list[Duty]:
        """The duties whose last turn failed."""
        return sorted(self._failing)

    @contextmanager
    def turn(self, duty: Duty) -> Iterator[None]:
        """Survive whatever a turn of a duty raises."""
        try:
            yield
        except RecorderError as error:
            _LOGGER.error("%s: %s", duty, error.message)  # noqa: TRY400  # its sentence says all there is to say
            self._failed(duty, error.code)
        except Exception as error:  # whatever it is, the next turn is not to be given up for it
            _LOGGER.exception("%s failed", duty)
            self._failed(duty, type(error).__name__)
        else:
            if duty in self._failing:
                self._failing.discard(duty)
                _LOGGER.warning("%s is done again", duty)
                self._events.note(EventKind.DUTY_RESUMED, duty=duty)
                self._on_changed()

    def _failed(self, duty: Duty, reason: str) -> None:
        if duty not in self._failing:
            self._failing.add(duty)
            self._events.note(EventKind.DUTY_FAILED, duty=duty, reason=reason)
            self._on_changed()
