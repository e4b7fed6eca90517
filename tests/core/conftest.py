"""What the tests of the recorder core share."""

from __future__ import annotations

import pytest


@pytest.fixture
def enable_event_loop_debug() -> None:
    """Leave asyncio's debug mode off, which Home Assistant's test package switches on.

    It records a traceback for every callback, and the recorder's tests move many thousands of packets.
    """
