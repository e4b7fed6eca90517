"""What the package writer is handed: decisions and values only, nothing that it would have to look up itself.

Whoever fills an order keeps the footage in it from being deleted until the package is written (invariant 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recorder_core.export.clip_plan import ClipPlan
    from recorder_core.export.derivative import Derivative
    from recorder_core.models import Certificate, GapView, PackageRequest
    from recorder_core.storage.records import Segment
    from recorder_core.storage.root_rows import RootProof

    from .key import SigningKey


@dataclass(frozen=True, slots=True)
class CameraPlan:
    """What a package takes of one camera.

    `plan` has no parts where nothing is stored. `segments` are those that it cuts from, open ones as far as they are
    written; `proofs` has an entry for each of them that is complete, by its segment id. `destroyed` tells of footage
    of the interval that is there no more. `derivatives` are the pictures that `plan` wants encoded anew.
    """

    camera_id: str
    camera_name: str
    plan: ClipPlan
    gaps: tuple[GapView, ...]
    destroyed: tuple[Certificate, ...]
    segments: tuple[Segment, ...]
    proofs: Mapping[int, RootProof]
    derivatives: tuple[Derivative, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageOrder:
    """One package. `time_zone` is the IANA name of the local time that it shows beside UTC.

    `store_id` names the recorder's store, `version` the product's; `requested_us` and `started_us` are when it was
    asked for and when its turn came, for the custody log.
    """

    export_id: str
    request: PackageRequest
    plans: tuple[CameraPlan, ...]
    store_id: str
    version: str
    requested_us: int
    started_us: int
    time_zone: str
    key: SigningKey
    policy_version: str
