"""The ledger tells with which key packages are signed: before the first one is, and when another takes its place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from recorder_core.export.package import SigningKey
from recorder_core.export.package.key import FILE_NAME
from recorder_core.models import ExportState, LedgerKind, PackageRequest

from .shelves import HOUR_S, library

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from .shelves import Library


async def _pack(one: Library) -> ExportState:
    segment = one.stored()[0]
    request = PackageRequest(camera_ids=["lobby"], start_us=segment.start_us, end_us=segment.end_us)
    return (await one.client.export_job((await one.client.package(request)).export_id, wait_s=60)).state


async def _told(one: Library) -> list[dict[str, str | None]]:
    entries = (await one.client.ledger()).entries
    return [json.loads(entry.body) for entry in entries if entry.kind is LedgerKind.SIGNING_KEY]


async def test_each_key_is_told_of_once(data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with library(data) as one:
        await one.use(data / "footage")
        await one.camera()
        one.lay(ago_s=HOUR_S, fragments=4)
        assert await _told(one) == []
        assert not (data / FILE_NAME).exists()
        for _ in range(2):
            assert await _pack(one) is ExportState.DONE
            [entry] = await _told(one)
        first = SigningKey.of(data).fingerprint
        assert entry == {"fingerprint": first, "previous": None}
        other = SigningKey.of(tmp_path).fingerprint
        (data / FILE_NAME).write_bytes((tmp_path / FILE_NAME).read_bytes())
        assert await _pack(one) is ExportState.DONE
        assert (await _told(one))[1:] == [{"fingerprint": other, "previous": first}]
    async with library(data) as one:
        assert len(await _told(one)) == 2
    (data / FILE_NAME).unlink()
    third = SigningKey.of(data).fingerprint
    async with library(data) as one:
        assert (await _told(one))[2:] == [{"fingerprint": third, "previous": other}]
    (data / FILE_NAME).write_bytes(b"no key")
    async with library(data) as one:
        assert "No package can be signed" in caplog.text
        assert await _pack(one) is ExportState.FAILED
        assert len(await _told(one)) == 3
    (data / FILE_NAME).unlink()
    async with library(data) as one:
        assert len(await _told(one)) == 3
