"""How long records are kept, and proof of what became of those that were not; as it travels over the API."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from recorder_core.json_data import JsonData


class RecordClass(StrEnum):
    """The kinds of records that have rules of their own.

    `temporary` is what an export had made of its files when it failed, was cancelled or was interrupted. It is kept for
    no longer than that takes to be seen. `delivery` is a copy of an export in a delivery folder.
    """

    VIDEO = "video"
    EXPORT = "export"
    DELIVERY = "delivery"
    TEMPORARY = "temporary"


class DeletionRule(StrEnum):
    """Why a record was destroyed."""

    AGE = "age"
    QUOTA = "quota"
    SPACE = "space"
    LAW = "law"
    PERSON = "person"
    UNFINISHED = "unfinished"


class SweepHalt(StrEnum):
    """Why nothing is deleted for now.

    `clock`: nothing by age, after the wall clock went forward by more than an hour or since nothing disciplines it,
    until somebody confirms it or a day has passed. `holds`: nothing at all, until all holds were read back after the
    index was lost.
    """

    CLOCK = "clock"
    HOLDS = "holds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention(JsonData):
    """Rules for the records of one camera and class. None is no limit, never zero (invariant 6).

    A record goes when it is older than `retention_days` or `destroy_after_days` (which a law asks for; the certificate
    says so), or when it is the oldest and all together take more than `quota_bytes`. What a hold keeps does not go and
    does not count. `minimum_days` deletes nothing: where room forces deletion before that age, an alarm says so.
    """

    retention_days: float | None = None
    quota_bytes: int | None = None
    minimum_days: float | None = None
    destroy_after_days: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast(JsonData):
    """When the footage of an interval will go, if nothing changes, and how much of it has gone.

    `first_us` is when the first of it goes and `last_us` when the last of it does; None means never, or that nothing is
    stored nor to come. `rule` is the one that takes the first. `held` says that a hold covers some of it, `hold_ids`
    which ones do, the oldest first. `stored_bytes` is what is there now. `missing_us` is how much of what has passed is
    not stored, and `destroyed_us` how much of that was recorded and deleted, as certificates tell.
    """

    camera_id: str
    start_us: int
    end_us: int
    first_us: int | None
    last_us: int | None
    rule: DeletionRule | None
    held: bool
    stored_bytes: int
    hold_ids: list[str] = field(default_factory=list)
    missing_us: int = 0
    destroyed_us: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate(JsonData):
    """Proof that records were given up and erased: how many, from when to when, by which rule.

    From `at_us` on they were no records any more, and nobody could have them from the recorder. `erased_us` is when the
    last of their files was gone from its volume; None while some still lie there, because the volume is away or fails.
    `digest` is the SHA-256, in hexadecimal, over the roots (of footage) or file hashes (of exports) in time order, and
    for temporary files over the hashes of their names and sizes. `actor` is set where a person did it.
    """

    certificate_id: int
    camera_id: str
    record_class: RecordClass
    start_us: int
    end_us: int
    records: int
    size: int
    digest: str
    rule: DeletionRule
    policy_version: str
    at_us: int
    actor: str | None = None
    erased_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateList(JsonData):
    """Certificates by their numbers."""

    certificates: list[Certificate]
