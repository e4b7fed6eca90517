"""The ledger's entries, as they travel over the API."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from recorder_core.json_data import JsonData


class LedgerKind(StrEnum):
    """What the ledger tells of."""

    BEGUN = "begun"
    ROOTS = "roots"
    HOLD_PLACED = "hold_placed"
    HOLD_WIDENED = "hold_widened"
    HOLD_REVIEWED = "hold_reviewed"
    HOLD_ENDED = "hold_ended"
    DELETED = "deleted"
    ERASED = "erased"
    GIVEN_UP = "given_up"
    EXPORTED = "exported"
    EXPORT_REMOVED = "export_removed"
    DELIVERED = "delivered"
    DELIVERY_REMOVED = "delivery_removed"
    SIGNING_KEY = "signing_key"
    SETTINGS = "settings"
    REBUILT = "rebuilt"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry(JsonData):
    """One entry. `body` is canonical JSON text; `hash` covers `previous`, `seq`, `at_us`, `kind` and `body`."""

    seq: int
    at_us: int
    kind: LedgerKind
    body: str
    previous: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPage(JsonData):
    """Entries in their order; `head_seq` and `head_hash` are the newest of all."""

    entries: list[LedgerEntry]
    head_seq: int
    head_hash: str
