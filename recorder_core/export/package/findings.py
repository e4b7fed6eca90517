"""What checking a package may find."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
