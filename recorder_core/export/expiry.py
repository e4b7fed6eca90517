"""Which exports are to go, and why: pure decisions over the rules for exports and what each request said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder_core.models import DeletionRule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recorder_core.models import Retention
    from recorder_core.storage.export_rows import KeptExport

_DAY_US = 86_400_000_000


def expiry(created_us: int, asked_us: int | None, rules: Retention) -> tuple[int, DeletionRule] | None:
    """Return when an export is to go and by which rule, None if by none.

    What its request said (`asked_us`) stands in place of `retention_days`; a law's `destroy_after_days` holds for all.
    """
    ends = []
    if asked_us is not None:
        ends.append((asked_us, DeletionRule.AGE))
    elif rules.retention_days is not None:
        ends.append((created_us + int(rules.retention_days * _DAY_US), DeletionRule.AGE))
    if rules.destroy_after_days is not None:
        ends.append((created_us + int(rules.destroy_after_days * _DAY_US), DeletionRule.LAW))
    return min(ends, default=None)


def too_old(kept: Sequence[KeptExport], rules: Retention, now_us: int) -> list[tuple[str, DeletionRule]]:
    """Return the exports whose time is over, each with the rule that says so."""
    ends = [(one.export_id, expiry(one.created_us, one.expires_us, rules)) for one in kept]
    return [(export_id, end[1]) for export_id, end in ends if end is not None and end[0] <= now_us]


def excess_bytes(kept: Sequence[KeptExport], rules: Retention) -> int:
    """Return how many bytes there are beyond the quota, 0 without one."""
    return 0 if rules.quota_bytes is None else max(sum(one.size for one in kept) - rules.quota_bytes, 0)
