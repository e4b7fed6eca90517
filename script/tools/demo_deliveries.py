"""Checks copies of a package in the delivery folder: each is the package, and goes by hand or when its time is over."""

from __future__ import annotations

import asyncio
import filecmp
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from recorder_core.models import DeletionRule, ExportState, LedgerKind, RecordClass

from .dashboard_footage import RECORDS_DESK
from .demo_evidence import WHOLE, by_command
from .demo_furnish import DOMAIN
from .demo_story import iso
from .looking import until

if TYPE_CHECKING:
    from .demo_house import RunningHouse
    from .ha_api import Json

LIFE_S: Final = 30.0
"""How long the second copy is there at least; the recorder looks every minute for those whose time is over."""
GONE_LIMIT_S: Final = 120.0
COPIES: Final = 2
ENDS: Final = (DeletionRule.PERSON, DeletionRule.AGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen of the copies while they lay there: how many, which are the package, which pass as one."""

    package: Json
    deliveries: list[Json]
    found: int
    same_bytes: int
    verified: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """Two copies of a package: the export's own, which somebody removed, and one of which the time was over.

    All but the rules are counts; a copy has one certificate for each of the package's cameras.
    """

    folder: str
    copies: int
    same_bytes: int
    verified_by_command: int
    """As it lay in the delivery folder."""
    told_by_ledger: int
    """With the package's SHA-256, and who delivered it."""
    gone_by: list[str]
    certificates: int
    cameras: int
    left_behind: int
    package_stays: bool

    @property
    def holds(self) -> bool:
        """Whether each copy was the package, went as it should with certificates for it, and the package stays."""
        return (
            self.copies == self.same_bytes == self.verified_by_command == self.told_by_ledger == COPIES
            and tuple(self.gone_by) == ENDS
            and self.certificates == COPIES * self.cameras > 0
            and self.left_behind == 0
            and self.package_stays
        )


async def judge_copies(house: RunningHouse, package: Json) -> Seen:
    """Have a package that was delivered once delivered again, for a short time; look at both, and remove the first."""
    order = {"export_id": package["export_id"], "folder": RECORDS_DESK, "expires": iso(time.time() + LIFE_S)}
    deliveries = [package["delivery"], await house.api.call_action(f"{DOMAIN}.deliver_export", order)]
    path = Path(package["files"][0]["path"])
    found = await asyncio.to_thread(lambda: list(house.records_desk.glob(f"*/{path.name}")))
    same = [await asyncio.to_thread(filecmp.cmp, path, one, shallow=False) for one in found]
    verified = [(await by_command(one))[0] == WHOLE for one in found]
    await house.api.call_action(f"{DOMAIN}.remove_delivery", {"delivery_id": deliveries[0]["delivery_id"]})
    return Seen(package=package, deliveries=deliveries, found=len(found), same_bytes=sum(same), verified=sum(verified))


async def judge_end(house: RunningHouse, seen: Seen) -> Delivered:
    """Wait until no copy is left, and ask certificates and ledger what became of them."""

    async def gone() -> bool:
        return not (await house.api.call_action(f"{DOMAIN}.list_deliveries", {}))["deliveries"]

    await until(gone, GONE_LIMIT_S, "the end of a copy whose time is over")
    async with house.recorder() as recorder:
        certificates = await recorder.certificates()
        job = await recorder.export_job(seen.package["export_id"])
    erased = {
        one.certificate_id
        for one in certificates
        if one.record_class is RecordClass.DELIVERY and one.erased_us is not None
    }
    removed = [one for one in await house.told(LedgerKind.DELIVERY_REMOVED) if one["certificate_id"] in erased]
    [file] = seen.package["files"]
    actor = await house.api.user_id()
    told = [
        one["delivery_id"]
        for one in await house.told(LedgerKind.DELIVERED)
        if one["actor"] == actor and [copied["sha256"] for copied in one["files"]] == [file["sha256"]]
    ]
    ids = [one["delivery_id"] for one in seen.deliveries]
    return Delivered(
        folder=RECORDS_DESK,
        copies=seen.found,
        same_bytes=seen.same_bytes,
        verified_by_command=seen.verified,
        told_by_ledger=sum(one in told for one in ids),
        gone_by=[",".join(sorted({one["rule"] for one in removed if one["delivery_id"] == each})) for each in ids],
        certificates=sum(one["delivery_id"] in ids for one in removed),
        cameras=len(seen.package["camera_ids"]),
        left_behind=await asyncio.to_thread(lambda: sum(one.is_dir() for one in house.records_desk.iterdir())),
        package_stays=job.state is ExportState.DONE and await asyncio.to_thread(Path(file["path"]).is_file),
    )
