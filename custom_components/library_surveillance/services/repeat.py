"""The key of a call that names none: what happens once may set off an automation twice, and is to be held once. Pure.

The recorder answers a key that it knows with the hold that has it, and holds what is asked for beyond that as well.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from homeassistant.core import Context

    from recorder_core.models import HoldRequest


def key_of(context: Context, request: HoldRequest) -> str:
    """Return the same key for all calls that ask for the same for the same cause.

    Runs that one event sets off have it as the parent of their contexts; a person's call has a context of its own.
    Times are left out, for they usually follow the clock.
    """
    cause = context.parent_id or context.id
    asked = [request.kind, request.case_id, request.pre_roll_s, request.post_roll_s, sorted(request.camera_ids)]
    return f"auto-1-{sha256(json.dumps([cause, asked]).encode()).hexdigest()[:40]}"
