"""What checking a package may find, and what it tells of a package beside."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .read_manifest import Absence


class PackageFlaw(StrEnum):
    """Kinds of findings."""

    STRUCTURE = "structure"
    MISSING = "missing"
    EXTRA = "extra"
    ALTERED = "altered"
    SIGNATURE = "signature"
    KEY = "key"
    PROOF = "proof"


@dataclass(frozen=True, slots=True)
class PackageFinding:
    """One thing that is wrong with a file of a package, in a sentence for people.

    `piece` counts the file's pieces of `layout.PIECE_BYTES` from 1; `offset` is a place in the file, or in the zip
    where its structure is at fault. None where there is no such thing.
    """

    file: str
    flaw: PackageFlaw
    detail: str
    piece: int | None = None
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class PackageReport:
    """What was found; nothing means that the package is as it was when somebody signed it.

    Who that was only its key tells: `fingerprint` is that of the key in the package, None where there is none that can
    be read. `ledger_entry` is the hash of the newest entry of the ledger that the manifest shows; `proved` of the
    `recordings` that footage comes from are told of by such entries. `not_shown` is what no video shows of the
    time that was asked for: a package that is whole may lack much of it. `derived` are the files of re-encoded
    pictures, which nothing proves.
    """

    findings: list[PackageFinding]
    fingerprint: str | None
    recordings: int = 0
    proved: int = 0
    ledger_entry: str | None = None
    not_shown: tuple[Absence, ...] = ()
    derived: tuple[str, ...] = ()
