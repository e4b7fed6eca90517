"""The fault suite: its checker and its disk find what is planted, and a short form of it holds."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from script.tools.faults import boxes, checker
from script.tools.faults.boxes import read_file
from script.tools.faults.checker import Claims, Life, SentFrame, Verdict, judge
from script.tools.faults.disk import Disk
from script.tools.faults.disk_log import Did, Step, read_steps, traced
from tests.core.storage.store import T0, S, Store

if TYPE_CHECKING:
    from recorder_core.storage.records import Segment

ROOT = Path(__file__).parents[2]
SHORT = ("kills_at_random", "kills_at_each_step", "power_cuts", "torn_files", "index_damaged", "interleavings")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.fixture
def segments(store: Store) -> list[Segment]:
    run = store.run()
    return [store.record(run, T0), store.record(run, T0 + 3 * S)]


def _sent(store: Store, segments: list[Segment]) -> dict[str, list[SentFrame]]:
    samples = [sample for segment in segments for sample in read_file(store.path(segment)).samples]
    frames = [SentFrame(serial, one.time_us, serial % 5 == 0, one.sha256) for serial, one in enumerate(samples)]
    return {"entrance": frames}


def _judged(store: Store, sent: dict[str, list[SentFrame]], claims: Claims | None = None) -> Verdict:
    return judge(
        index=store.index.path,
        volumes=[store.handle.volume.path],
        sent=sent,
        lives=[Life(T0 - S, T0 + 60 * S)],
        claims=claims or Claims(),
    )


def test_the_checker_shares_nothing_with_the_recorder() -> None:
    for module in (boxes, checker):
        tree = ast.parse(inspect.getsource(module))
        imported = {
            name
            for node in ast.walk(tree)
            for name in (
                [one.name for one in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        }
        assert not [name for name in imported if name.startswith(("recorder_core", "script", "tests"))]


def test_the_checker_finds_a_whole_store_good(store: Store, segments: list[Segment]) -> None:
    sent = _sent(store, segments)
    claims = Claims()
    claims.note(store.index.path, [store.handle.volume.path])
    verdict = _judged(store, sent, claims)
    assert verdict.is_good
    assert (verdict.frames_stored, verdict.max_loss_s, len(claims.files)) == (len(sent["entrance"]), 0, 2)


def test_the_checker_finds_frames_that_no_file_holds(store: Store, segments: list[Segment]) -> None:
    sent = _sent(store, segments)
    last = sent["entrance"][-1]
    sent["entrance"] += [
        SentFrame(last.serial + number, last.time_us + number * S, sync=False, key=str(number)) for number in (1, 2, 3)
    ]
    assert _judged(store, sent).max_loss_s == 2.0


def test_the_checker_finds_an_altered_a_torn_and_a_lost_file(store: Store, segments: list[Segment]) -> None:
    sent = _sent(store, segments)
    claims = Claims()
    claims.note(store.index.path, [store.handle.volume.path])
    first, second = map(store.path, segments)
    data = bytearray(first.read_bytes())
    data[-1] ^= 1
    first.write_bytes(data + b"torn")
    verdict = _judged(store, sent, claims)
    assert (verdict.altered, verdict.unknown, verdict.torn, verdict.unlike_row) == (1, 1, 1, 1)
    assert verdict.closed_segments_lost == 1
    second.unlink()
    assert _judged(store, sent, claims).closed_segments_lost == 2


def test_the_checker_finds_files_without_a_row_and_time_without_an_account(
    store: Store, segments: list[Segment]
) -> None:
    run = store.run(run_id="run-2")
    store.record(run, T0 + 30 * S)
    store.write(store.file(run, T0 + 40 * S), 1, row=False)
    verdict = _judged(store, _sent(store, segments))
    assert verdict.strays == 1
    assert verdict.unaccounted_s == 24.0


def test_a_claim_that_has_no_whole_file_is_lost_from_the_first(store: Store, segments: list[Segment]) -> None:
    store.path(segments[0]).unlink()
    claims = Claims()
    claims.note(store.index.path, [store.handle.volume.path])
    assert claims.broken() == {segments[0].segment_id}


def test_a_disk_keeps_what_was_synced_and_loses_the_rest(tmp_path: Path) -> None:
    root = tmp_path / "disk"
    file, renamed, folder = root / "f" / "a", root / "f" / "b", root / "f"
    steps = [
        Step(Did.FOLDER, folder, 0),
        Step(Did.SYNC, root, 0),
        Step(Did.CREATE, file, 0),
        Step(Did.WRITE, file, 0, 0, b"kept"),
        Step(Did.SYNC, file, 0),
        Step(Did.SYNC, folder, 0),
        Step(Did.WRITE, file, 0, 4, b"lost"),
        Step(Did.RENAME, file, 0, target=renamed),
    ]
    disk = Disk()
    for step in steps:
        disk.do(step)
    root.mkdir()
    disk.put(root, None)
    assert file.read_bytes() == b"kept"
    assert not renamed.exists()
    disk.do(Step(Did.SYNC_ALL, root, 0))
    file.unlink()
    folder.rmdir()
    disk.put(root, Random(1))
    assert renamed.read_bytes() == b"keptlost"
    assert not file.exists()


def test_what_a_process_does_to_its_files_is_seen_in_order(tmp_path: Path) -> None:
    program = (
        "import os, sys\n"
        "os.chdir(sys.argv[1])\n"
        "fd = os.open(sys.argv[1] + '/a', os.O_WRONLY | os.O_CREAT)\n"
        "os.writev(fd, [b'one', b'two'])\n"
        "os.fsync(fd)\n"
        "os.rename(sys.argv[1] + '/a', sys.argv[1] + '/b')\n"
    )
    command = [*traced(tmp_path / "log"), sys.executable, "-c", program, str(tmp_path)]
    subprocess.run(command, check=True)
    steps = [step for step in read_steps(tmp_path / "log", tmp_path) if step.path.name in ("a", "b")]
    assert [step.did for step in steps] == [Did.CREATE, Did.WRITE, Did.SYNC, Did.RENAME]
    assert steps[1].data == b"onetwo"
    assert steps[3].target == tmp_path / "b"


@pytest.mark.timeout(600)
def test_a_short_form_of_the_suite_holds() -> None:
    """Real recorders are killed, cut off from power, and given torn files and a damaged index."""
    command = [sys.executable, "-m", "script.tools.faults", "--short", "--json", *SHORT]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["wrong"] == []
    assert (told["closed_segments_lost"], told["held_bytes_deleted"]) == (0, 0)
    assert told["kills"] >= 6
    assert all(told["faults"][kind] for kind in SHORT)
    assert done.returncode == 0
