"""What a planted mistake is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutation:
    """A file, text that stands in it exactly once, what is put there instead, the mistake, the tests that catch it."""

    path: str
    text: str
    replacement: str
    mistake: str
    tests: tuple[str, ...]
