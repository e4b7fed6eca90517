"""What all tests share.

The tests speak to real parts: real sockets on 127.0.0.1 and on Unix paths. No other address can be reached, for the
Home Assistant test package refuses names and addresses of other machines.

Property tests try the same examples each time and are not timed: whether a run fails depends on the code alone, not on
luck or on how busy the machine is. `--hypothesis-profile=fresh` has them try others.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("fresh", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("same", settings.get_profile("fresh"), derandomize=True)
settings.load_profile("same")


@pytest.fixture(autouse=True)
def real_sockets(socket_enabled: None) -> None:
    """Let tests open sockets; connections stay limited to this machine."""
