"""The fault suite: its checker and its disk find what is planted, and a short form of it holds."""

from __future__ import annotations

import ast
import hashlib
import importlib
import inspect
import json
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from recorder_core.models import (
    DeletionRule,
    DeliveredFile,
    Delivery,
    DeliveryState,
    ExportJob,
    ExportState,
    HoldRequest,
)
from recorder_core.storage.export_rows import StoredExport
from script.tools.faults import boxes, checker, claimed, sent
from script.tools.faults.boxes import read_file
from script.tools.faults.bustle import HURRIED
from script.tools.faults.checker import Evidence, Life, Verdict, judge
from script.tools.faults.claimed import Claims
from script.tools.faults.disk import Disk
from script.tools.faults.disk_log import Did, Step, read_steps, traced
from script.tools.faults.result import Cost, Result
from script.tools.faults.sent import Held, SentFrame, read_holds
from script.tools.faults.steps import WITHOUT, missing_steps
from script.tools.faults.worker import set_constant
from script.tools.faults.write_steps import writing_functions
from tests.core.storage.store import T0, S, Store

if TYPE_CHECKING:
    from recorder_core.storage.records import Segment

ROOT = Path(__file__).parents[2]
SHORT = (
    *("kills_at_each_step", "power_cuts", "torn_files", "index_damaged"),
    *("only_held_in_share", "parameter_changes", "interleavings"),
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.fixture
def segments(store: Store) -> list[Segment]:
    run = store.run()
    return [store.record(run, T0), store.record(run, T0 + 3 * S)]


def _sent(store: Store, segments: list[Segment]) -> dict[str, list[SentFrame]]:
    samples = [sample for segment in segments for sample in read_file(store.path(segment)).samples]
    frames = [SentFrame(serial, one.time_us, serial % 5 == 0, one.sha256, 10) for serial, one in enumerate(samples)]
    return {"entrance": frames}


def _claims(store: Store) -> Claims:
    claims = Claims()
    claims.note(store.index.path, [store.handle.volume.path], T0 + 10 * S)
    return claims


def _judged(
    store: Store, sent: dict[str, list[SentFrame]], claims: Claims | None = None, holds: tuple[Held, ...] = ()
) -> Verdict:
    evidence = Evidence(
        index=store.index.path,
        volumes=[store.handle.volume.path],
        sent=sent,
        lives=[Life(T0 - S, T0 + 60 * S)],
        claims=claims or Claims(),
        holds=holds,
    )
    return judge(evidence)


def test_the_checker_shares_nothing_with_the_recorder() -> None:
    """What it imports is the standard library and its own few modules, which do the same."""
    modules = {"boxes": boxes, "checker": checker, "claimed": claimed, "sent": sent}
    for module in modules.values():
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            names = []
            if isinstance(node, ast.Import):
                names = [one.name for one in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0 or node.module in modules
                names = [node.module or ""] if node.level == 0 else []
            assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


def test_the_checker_finds_a_whole_store_good(store: Store, segments: list[Segment]) -> None:
    sent = _sent(store, segments)
    claims = _claims(store)
    verdict = _judged(store, sent, claims)
    assert verdict.is_good
    assert (verdict.frames_stored, verdict.max_loss_s, len(claims.known)) == (len(sent["entrance"]), 0, 2)


def test_the_checker_finds_frames_that_no_file_holds(store: Store, segments: list[Segment]) -> None:
    sent = _sent(store, segments)
    last = sent["entrance"][-1]
    sent["entrance"] += [
        SentFrame(last.serial + number, last.time_us + number * S, sync=False, key=str(number)) for number in (1, 2, 3)
    ]
    assert _judged(store, sent).max_loss_s == 2.0


def test_the_checker_finds_an_altered_a_torn_and_a_lost_file(store: Store, segments: list[Segment]) -> None:
    sent = _sent(store, segments)
    claims = _claims(store)
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
    assert _claims(store).broken() == {segments[0].segment_id}


def _delete_oldest(store: Store, segment: Segment) -> None:
    """Have the recorder give a segment up, and its file unlinked."""
    store.index.condemn_oldest(
        "entrance", before_us=segment.end_us, max_bytes=None, rule=DeletionRule.AGE, policy_version="1", now_us=T0
    )
    store.path(segment).unlink()


def test_what_went_with_a_certificate_is_not_lost(store: Store, segments: list[Segment]) -> None:
    sent, claims = _sent(store, segments), _claims(store)
    _delete_oldest(store, segments[0])
    verdict = _judged(store, sent, claims)
    assert (verdict.deleted, verdict.closed_segments_lost, verdict.max_loss_s) == (1, 0, 0)
    assert verdict.is_good


def _held(released_us: int | None = None, start_us: int = T0) -> Held:
    return Held("key", ("entrance",), start_us, T0 + 3 * S, T0 + 5 * S, released_us)


def test_a_held_file_that_is_gone_is_named_whatever_the_index_says(store: Store, segments: list[Segment]) -> None:
    """By hand, or by a recorder that certifies it: with the segment's size and, by the log alone, with its frames'."""
    sent, claims = _sent(store, segments), _claims(store)
    _delete_oldest(store, segments[0])
    claims.note(store.index.path, [store.handle.volume.path], T0 + 20 * S)
    assert _judged(store, sent, claims, (_held(),)).held_bytes_deleted >= segments[0].size
    # Nobody had seen that file before it went: what tells of it is what was sent.
    only_sent = _judged(store, sent, None, (_held(),))
    assert only_sent.held_bytes_deleted > 0
    assert only_sent.max_loss_s > 1.5
    assert not only_sent.is_good


def test_the_checker_finds_a_hold_that_the_index_does_not_know(store: Store, segments: list[Segment]) -> None:
    sent = _sent(store, segments)
    assert _judged(store, sent, None, (_held(),)).holds_lost == 1
    store.index.place_hold(HoldRequest(camera_ids=["entrance"], start_us=T0, key="key"), hold_id="1" * 32, now_us=T0)
    assert _judged(store, sent, None, (_held(),)).is_good
    assert _judged(store, sent, None, (_held(T0 + 6 * S),)).is_good


def test_what_was_released_before_it_went_may_be_gone(store: Store, segments: list[Segment]) -> None:
    sent, claims = _sent(store, segments), _claims(store)
    _delete_oldest(store, segments[0])
    claims.note(store.index.path, [store.handle.volume.path], T0 + 20 * S)
    assert _judged(store, sent, claims, (_held(T0 + 15 * S),)).held_bytes_deleted == 0
    assert _judged(store, sent, claims, (_held(T0 + 25 * S),)).held_bytes_deleted == segments[0].size


def test_the_log_of_holds_says_from_when_to_when_each_was_kept(tmp_path: Path) -> None:
    log = tmp_path / "holds"
    assert read_holds(log) == []
    placed = {"did": "placed", "hold": "a", "cameras": ["entrance"], "start_us": 1, "end_us": None, "at_us": 5}
    lines = [placed, {**placed, "hold": "b"}, {"did": "released", "hold": "a", "at_us": 9}]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert read_holds(log) == [Held("a", ("entrance",), 1, None, 5, 9), Held("b", ("entrance",), 1, None, 5)]


def test_the_checker_finds_exports_that_are_not_there(store: Store, segments: list[Segment]) -> None:
    sent = _sent(store, segments)
    (store.handle.volume.path / "exports" / "half").mkdir(parents=True)
    assert _judged(store, sent).exports_broken == 1


def test_the_checker_finds_copies_that_are_not_as_they_were_made_and_what_is_left_of_others(
    store: Store, segments: list[Segment], tmp_path: Path
) -> None:
    sent, copy = _sent(store, segments), tmp_path / "desk" / "hall-0"
    copy.mkdir(parents=True)
    (copy / "hall.mp4").write_bytes(b"hall")
    export = ExportJob(
        export_id="e", camera_id="entrance", camera_ids=["entrance"], start_us=T0, end_us=T0 + S, state=ExportState.DONE
    )
    store.index.add_export(StoredExport(export, "{}"))
    made = Delivery(
        delivery_id="d",
        export_id="e",
        folder="Desk",
        path=str(copy),
        state=DeliveryState.COPYING,
        created_us=T0,
        expires_us=T0 + S,
        camera_ids=export.camera_ids,
        start_us=export.start_us,
        end_us=export.end_us,
        files=[DeliveredFile(name="hall.mp4", size=4, sha256=hashlib.sha256(b"hall").hexdigest())],
    )
    store.index.add_delivery(made)
    assert _judged(store, sent).copies_broken == 1  # nobody called it whole
    store.index.finish_delivery(made, T0)
    assert _judged(store, sent).copies_broken == 0
    (copy.parent / ".hall-1").mkdir()
    (copy / "hall.mp4").write_bytes(b"fall")
    verdict = _judged(store, sent)
    assert (verdict.copies_broken, verdict.is_good) == (2, False)


def test_a_loss_counts_by_what_the_fault_may_cost() -> None:
    result = Result()
    result.take(Verdict(max_loss_s=1.4), "a kill")
    result.take(Verdict(max_loss_s=6.0), "a power cut", Cost.POWER)
    assert result.wrong == []
    assert (result.loss_s(Cost.KILL), result.loss_s(Cost.POWER)) == (1.4, 6.0)
    result.take(Verdict(max_loss_s=1.6), "a kill")
    result.take(Verdict(max_loss_s=6.6), "a power cut", Cost.POWER)
    result.bites("a planted mistake", found=True)
    result.bites("another one", found=False)
    assert [sentence.partition(":")[0] for sentence in result.wrong] == [
        "a kill",
        "a power cut",
        "the checker does not see another one",
    ]


def test_every_function_that_changes_files_needs_a_crash_point(tmp_path: Path) -> None:
    (tmp_path / "storage").mkdir()
    (tmp_path / "storage" / "new.py").write_text(
        "import os\n"
        "def look(path): return path.open('rb'), 'a'.replace('a', 'b'), os.open(path, os.O_RDONLY)\n"
        "def cut(path): os.ftruncate(os.open(path, os.O_RDWR), 0)\n"
        "def write(path):\n"
        "    def inner(): path.open('r+b')\n"
        "    return inner\n"
        "class Rows:\n"
        "    def put(self):\n"
        "        with self._writing() as connection: return connection\n"
        "    async def remove(self, path): await to_thread(path.unlink)\n"
    )
    assert writing_functions(tmp_path) == {f"storage/new.{name}" for name in ("cut", "inner", "put", "remove")}
    seen = {"storage/new.cut:ftruncate", "os/inner<storage/new.inner:open", "x<storage/new.put:commit"}
    missing = [sentence for sentence in missing_steps(seen, tmp_path) if sentence.startswith("no crash point")]
    assert missing == ["no crash point is in storage/new.remove"]


def test_what_needs_no_crash_point_is_there(tmp_path: Path) -> None:
    """An exception for what is not there any more would hide what takes its name."""
    assert WITHOUT.keys() <= writing_functions(ROOT / "recorder_core")
    assert len(missing_steps(set(), tmp_path)) == len(WITHOUT)


def test_constants_are_set_that_are_there_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in HURRIED.items():
        module, _, constant = name.partition(":")
        monkeypatch.setattr(importlib.import_module(module), constant, None)
        set_constant(name, value)
        assert vars(importlib.import_module(module))[constant] == value
    with pytest.raises(LookupError, match="has no NOTHING"):
        set_constant("recorder_core.service.sweeper:NOTHING", 1)


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
