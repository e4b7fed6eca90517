"""Rows of what the ledger told last of the rules in force, so that it can be held against them (invariant 8).

An entry is written before the file that it tells of, and the two are not one transaction: where a crash or a full disk
came between, the ledger said what never was. A digest for each subject shows that, at the cost of a few rows.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

from recorder_core.ledger_chain import canonical
from recorder_core.models import LedgerKind

from .ledger_rows import LedgerRows, append_ledger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    type Rules = Mapping[str, Mapping[str, object]]
    """What decides how footage is kept, by its subject: a camera's id, or "" for the settings of all."""

_TOLD = "rules_told"


class RuleRows(LedgerRows):
    """Telling of rules, and of those that turn out to be others than were told of."""

    def tell_rules(self, subject: str, rules: Mapping[str, object]) -> None:
        """Append an entry that says what holds for a subject from now on."""
        with self._writing() as connection:
            append_ledger(connection, LedgerKind.SETTINGS, self.clock.now_us(), rules)
            self._keep(connection, self._told(connection) | {subject: _digest(rules)})

    def correct_rules(self, in_force: Rules) -> None:
        """Append an entry, marked as `found`, for each subject of which other rules hold than were told last.

        A subject that is not in `in_force` has none: it was taken away.
        """
        with self._writing() as connection:
            told = self._told(connection)
            gone = {one: {"camera_id": one, "enabled": False, "removed": True} for one in told.keys() - in_force.keys()}
            changed = {
                subject: rules
                for subject, rules in sorted({**in_force, **gone}.items())
                if told.get(subject) != _digest(rules)
            }
            for rules in changed.values():
                append_ledger(connection, LedgerKind.SETTINGS, self.clock.now_us(), {**rules, "found": True})
            if changed:
                self._keep(connection, told | {subject: _digest(rules) for subject, rules in changed.items()})

    def _told(self, connection: Connection) -> dict[str, str]:
        known = self._meta(connection, _TOLD)
        told: dict[str, str] = {} if known is None else json.loads(known)
        return told

    def _keep(self, connection: Connection, told: Mapping[str, str]) -> None:
        self._put_meta(connection, _TOLD, canonical(told))


def _digest(rules: Mapping[str, object]) -> str:
    return sha256(canonical(rules).encode()).hexdigest()
