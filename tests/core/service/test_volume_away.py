"""Footage that is given up while its volume is away goes when it is back; till then nothing says that it is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder_core.models import LedgerKind, VolumeState

from .clocks import SteppedClock
from .shelves import DAY_S, HOUR_S, files, library

if TYPE_CHECKING:
    from pathlib import Path


async def test_what_was_given_up_on_a_volume_that_is_away_is_erased_when_it_is_back(data: Path) -> None:
    clock = SteppedClock()
    (data / "mount").mkdir()
    async with library(data, clock) as one:
        await one.camera(retention_days=2)
        await one.use(data / "mount" / "a", data / "b")
        one.lay(ago_s=HOUR_S, times=3)
        (data / "mount").rename(data / "away")
        await one.recorder._volumes._look(one.recorder._volumes._slots[0])
        clock.pass_by(5 * DAY_S)
        await one.sweep()
        assert one.stored() == []
        [certificate] = await one.certificates()
        assert (certificate.records, certificate.at_us, certificate.erased_us) == (3, clock.now_us(), None)
        assert files(data / "away" / "a") == 3
        [volume, _] = (await one.client.status()).volumes
        assert volume.state is VolumeState.MISSING
    async with library(data, clock) as one:  # a start changes nothing about that
        await one.sweep()
        assert [each.erased_us for each in await one.certificates()] == [None]
        clock.pass_by(DAY_S)
        (data / "away").rename(data / "mount")
        await one.recorder._volumes._look(one.recorder._volumes._slots[0])
        await one.sweep()
        assert files(data / "mount" / "a") == 0
        [certificate] = await one.certificates()
        assert certificate.erased_us == clock.now_us() > certificate.at_us
        entries = (await one.client.ledger()).entries
        assert [entry.kind for entry in entries if entry.kind in (LedgerKind.DELETED, LedgerKind.ERASED)] == [
            LedgerKind.DELETED,
            LedgerKind.ERASED,
        ]


async def test_what_a_start_finds_on_a_volume_that_is_back_is_erased_by_the_start(data: Path) -> None:
    clock = SteppedClock()
    async with library(data, clock) as one:
        await one.camera(retention_days=2)
        await one.use(data / "a", data / "b")
        one.lay(ago_s=HOUR_S)
        (data / "a").rename(data / "away")
        clock.pass_by(5 * DAY_S)
        await one.sweep()
        assert [each.erased_us for each in await one.certificates()] == [None]
    (data / "away").rename(data / "a")
    async with library(data, clock) as one:
        assert files(data / "a") == 0
        assert [each.erased_us for each in await one.certificates()] == [clock.now_us()]
