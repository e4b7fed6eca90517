"""The custody log up to a package's making; whoever hands it on goes on with a log of their own.

The manifest tells the same. So the writer makes it from the order, the check from the manifest, and both must agree.
"""

from __future__ import annotations

from .layout import json_line, utc_text


def custody_log(
    package_id: str,
    request_id: str | None,
    basis: str | None,
    *,
    actor: str,
    store_id: str,
    requested_us: int,
    started_us: int,
    made_us: int,
) -> bytes:
    """Return the log, a line of JSON for each step: requested by `actor`, started and made by the recorder."""
    recorder = f"recorder {store_id}"
    steps = (("requested", requested_us, actor), ("started", started_us, recorder), ("made", made_us, recorder))
    about = {"package_id": package_id, "request_id": request_id, "basis": basis}
    return b"".join(
        json_line({"event": event, "at_us": at_us, "at_utc": utc_text(at_us), "actor": by, **about})
        for event, at_us, by in steps
    )
