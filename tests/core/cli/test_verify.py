"""`verify` of recordings and ledger, and `ledger export`, on what a real recorder left behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from recorder_core.cli.exit_codes import NOT_VERIFIED, OK, USAGE
from recorder_core.cli.main import run
from recorder_core.clock import SystemClock
from recorder_core.models import CameraState
from recorder_core.mp4.reader import read_outline
from recorder_core.service.startup import INDEX
from recorder_core.service.verify import check_whole
from recorder_core.simulator import Simulator
from recorder_core.storage.index import Index
from tests.core.service.rig import camera, config_of, served, state_reached, stored, use_volume

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from recorder_core.service.verify import Finding
    from recorder_core.storage.records import Segment


async def _recorded(data: Path) -> Path:
    """Record one segment; return its file."""
    async with Simulator([camera()]) as simulator, served(data) as (_, client):
        await use_volume(client, data / "footage")
        await client.put_camera(config_of(simulator))
        await state_reached(client, CameraState.RECORDING)
        await stored(client, seconds=1.5)
    [file] = (data / "footage" / "cameras").rglob("*.mp4")
    return file


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
    assert "copy the copy itself is not as it was written" in shown[0]
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


async def test_it_says_which_picture_is_damaged_and_where(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Or which header, if that shows; and is content again when the byte is right again."""
    file = await _recorded(data)
    whole = file.read_bytes()
    heads = read_outline(file).fragments
    pictures = [sample for head in heads for sample in head.layout().samples]
    second = heads[1].offset
    damages = {
        pictures[7].offset + 3: (
            "sample",
            f"picture 8 of {len(pictures)}, ",
            f"in the bytes {pictures[7].offset} to {pictures[7].offset + pictures[7].size - 1}",
        ),
        second + 17: ("root", "the header of fragment 2", f"begins at byte {second}"),  # when it was taken
        heads[0].offset - 1: ("root", "the header of the file", "fragments"),  # of which run it is
    }
    for at, (flaw, *words) in damages.items():
        damaged = bytearray(whole)
        damaged[at] ^= 1
        file.write_bytes(damaged)
        assert run(["verify", "--data", str(data), "--json"]) == NOT_VERIFIED
        [found] = json.loads(capsys.readouterr().out)["findings"]
        assert found["flaw"] == flaw
        assert all(word in found["detail"] for word in words), found
    file.write_bytes(whole)
    assert run(["verify", "--data", str(data)]) == OK


async def test_a_medium_that_cannot_be_written_to(data: Path, tmp_path: Path) -> None:
    """Such as a disk in the hands of an expert, after a crash: the index's log was never emptied."""
    await _recorded(data)
    with Index.open(data / INDEX, SystemClock()) as index:
        index.heartbeat(1)
        shutil.copytree(data, tmp_path / "copied", ignore=shutil.ignore_patterns("s", "*-shm"))
    assert (tmp_path / "copied" / f"{INDEX}-wal").stat().st_size > 0
    with read_only_view(tmp_path / "copied", tmp_path / "seen") as seen:
        before = sorted(path.name for path in seen.iterdir())
        for how in ((), ("--no-audio",), ("--ledger",)):
            assert run(["verify", "--data", str(seen), *how]) == OK
        assert sorted(path.name for path in seen.iterdir()) == before


@contextmanager
def read_only_view(folder: Path, at: Path) -> Iterator[Path]:
    """Show a folder at another place where nothing can be written; without rights to mount, take the rights away."""
    at.mkdir()
    mount, umount = (shutil.which(name) or name for name in ("mount", "umount"))
    bound = os.geteuid() == 0 and subprocess.run([mount, "--bind", folder, at], check=False).returncode == 0
    if not bound:
        folder.chmod(0o500)
        yield folder
        folder.chmod(0o700)
        return
    try:
        subprocess.run([mount, "-o", "remount,bind,ro", at], check=True)
        yield at
    finally:
        subprocess.run([umount, "--lazy", at], check=True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("some.zip", "--no-audio"),
        ("some.zip", "--ledger"),
        ("some.zip", "--camera", "lobby"),
        ("--data", "data", "--fingerprint", "ab" * 32),
        ("--data", "data", "--copy", "ledger.jsonl"),
        ("--data", "data", "--ledger", "--camera", "lobby"),
    ],
)
def test_an_option_that_means_nothing_is_refused(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Else somebody takes an answer for one to a question that was not looked at."""
    assert run(["verify", *arguments]) == USAGE
    assert "has no meaning here" in capsys.readouterr().err
