"""What all tests share.

The tests speak to real parts: real sockets on 127.0.0.1 and on Unix paths. No other address can be reached, for the
Home Assistant test package refuses names and addresses of other machines.
"""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def real_sockets(socket_enabled: None) -> None:
    """Let tests open sockets; connections stay limited to this machine."""
