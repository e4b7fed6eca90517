"""Mistakes that a tired programmer could make, each where it would cost footage, give too much of it away, or lie."""

from __future__ import annotations

from typing import Final

from .captured import CAPTURED
from .handed_out import HANDED_OUT
from .kept import KEPT
from .row import Mutation

__all__ = ["MUTATIONS", "Mutation"]

MUTATIONS: Final = (*CAPTURED, *KEPT, *HANDED_OUT)
