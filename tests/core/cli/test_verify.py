"""`verify` of files and ledger, and `ledger export`, on what a real recorder left behind."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import text

from recorder_core.cli.exit_codes import NOT_VERIFIED, OK
from recorder_core.cli.main import run
from recorder_core.clock import SystemClock
from recorder_core.models import CameraState
from recorder_core.service.startup import INDEX
from recorder_core.service.verify import check_whole
from recorder_core.simulator import Simulator
from recorder_core.storage.index import Index
from tests.core.service.rig import camera, config_of, served, state_reached, stored, use_volume

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from recorder_core.service.verify import Finding
    from recorder_core.storage.records import Segment


async def _recorded(data: Path) -> Path:
    """Record one segment; return its file."""
    async with Simulator([camera()]) as simulator, served(data) as (_, client):
        await use_volume(client, data / "footage")
        await client.put_camera(config_of(simulator))
        await state_reached(client, CameraState.RECORDING)
        await stored(client)
    [file] = (data / "footage" / "cameras").rglob("*.mp4")
    return file


async def test_no_sound_is_shown_by_hand(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = await _recorded(data)
    assert run(["verify", "--data", str(data), "--no-audio"]) == OK
    assert capsys.readouterr().out.startswith("Every file has exactly one track, a video")
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b"vide", b"soun", 1))
    assert run(["verify", "--data", str(data), "--no-audio", "--json"]) == NOT_VERIFIED
    [found] = json.loads(capsys.readouterr().out)["findings"]
    assert (found["flaw"], found["detail"]) == ("structure", "The track is no video")
    file.write_bytes(whole[:-1])
    assert run(["verify", "--data", str(data), "--no-audio"]) == OK
    file.unlink()
    assert run(["verify", "--data", str(data), "--no-audio"]) == NOT_VERIFIED
    assert "missing" in capsys.readouterr().out


async def test_the_ledger_by_hand(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = await _recorded(data)
    copy = data / "elsewhere.jsonl"
    assert run(["ledger", "export", str(copy), "--data", str(data), "--json"]) == OK
    exported = json.loads(capsys.readouterr().out)
    assert exported["added"] == exported["entries"] == len(copy.read_bytes().splitlines()) >= 2
    assert run(["ledger", "export", str(copy), "--data", str(data)]) == OK
    assert "0 entries added" in capsys.readouterr().out
    ledger = ["verify", "--data", str(data), "--ledger", "--copy", str(copy)]
    assert run([*ledger, "--json"]) == OK
    report = json.loads(capsys.readouterr().out)
    assert (report["entries"], report["findings"]) == (exported["entries"], [])
    lines = copy.read_text(encoding="utf-8").splitlines(keepends=True)
    copy.write_text("".join([*lines, lines[-1]]), encoding="utf-8")
    assert run(ledger) == NOT_VERIFIED
    shown = capsys.readouterr().out.splitlines()
    assert "copy the copy has an entry that the ledger has not" in shown[0]
    assert shown[-1].endswith(report["head_hash"])
    file.unlink()
    assert run(["reconcile", "--data", str(data), "--full", "--give-up-missing"]) == OK
    assert run(["verify", "--data", str(data), "--ledger"]) == OK


async def test_what_was_deleted_meanwhile_is_not_missed(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recorder may delete by age while the files are looked at."""
    await _recorded(data)

    def delete(path: Path, segment: Segment) -> list[Finding]:
        with Index.open(data / INDEX, SystemClock()) as index, index._writing() as connection:
            connection.execute(text("DELETE FROM segment"))
        path.unlink()
        return check_whole(path, segment)

    monkeypatch.setattr("recorder_core.cli.verify_files.check_whole", delete)
    assert run(["verify", "--data", str(data)]) == OK
    assert capsys.readouterr().out.endswith(" 0 findings\n")
