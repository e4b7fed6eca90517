"""`verify` of exports, and that there is no sound in the store: in recordings, clips, packages and stills."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from recorder_core.cli.exit_codes import NOT_VERIFIED, OK
from recorder_core.cli.main import run
from recorder_core.clock import SystemClock
from recorder_core.models import (
    CameraState,
    DeletionRule,
    ExportJob,
    ExportRequest,
    PackageRequest,
    StillFormat,
    StillRequest,
)
from recorder_core.mp4.boxes import box, find_box
from recorder_core.service.startup import INDEX
from recorder_core.simulator import Simulator
from recorder_core.storage.certificate_rows import Reason
from recorder_core.storage.index import Index
from tests.core.export.packages import contents_of, zipped
from tests.core.service.rig import camera, config_of, served, state_reached, stored, use_volume

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
async def files(data: Path) -> dict[str, Path]:
    """A store with one of everything: its recording, and the files of a clip, a still and a package by their kind."""
    async with Simulator([camera()]) as simulator, served(data) as (_, client):
        await use_volume(client, data / "footage")
        await client.put_camera(config_of(simulator))
        await state_reached(client, CameraState.RECORDING)
        coverage = await stored(client, seconds=2.5)
        start_us = coverage.segments[-1].start_us
        asked = [
            await client.export(ExportRequest(camera_id="lobby", start_us=start_us, end_us=start_us + 1_500_000)),
            await client.package(PackageRequest(camera_ids=["lobby"], start_us=start_us, end_us=start_us + 1_500_000)),
            await client.still_export(
                StillRequest(camera_id="lobby", at_us=start_us + 500_000, format=StillFormat.JPEG)
            ),
        ]
        jobs: list[ExportJob] = [await client.export_job(one.export_id, wait_s=60) for one in asked]
    assert [job.problem for job in jobs] == [None] * 3
    [recording] = (data / "footage" / "cameras").rglob("*.mp4")
    paths = [Path(file.path) for job in jobs for file in job.files]
    return {"recording": recording} | dict(zip(("clip", "package", "still", "record"), paths, strict=True))


def looked_at(data: Path, capsys: pytest.CaptureFixture[str], *how: str) -> set[tuple[str, str]]:
    """The files that are found, and what is the matter with them."""
    code = run(["verify", "--data", str(data), *how, "--json"])
    report = json.loads(capsys.readouterr().out)
    assert (report["segments"], report["exports"]) == (1, 3)
    assert code == (NOT_VERIFIED if report["findings"] else OK)
    return {(Path(finding["path"]).name, finding["flaw"]) for finding in report["findings"]}


def with_a_track_of_sound(whole: bytes) -> bytes:
    """A second track beside the first, of sound."""
    track = find_box(whole, 0, len(whole), b"moov", b"trak")
    movie = find_box(whole, 0, len(whole), b"moov")
    sound = whole[track.offset : track.end].replace(b"vide", b"soun").replace(b"avc1", b"mp4a")
    size = (movie.end - movie.offset + len(sound)).to_bytes(4)
    return whole[: movie.offset] + size + whole[movie.offset + 4 : movie.end] + sound + whole[movie.end :]


def with_a_box_in_the_movie(whole: bytes) -> bytes:
    """Data that no table tells of, among the headers."""
    movie = find_box(whole, 0, len(whole), b"moov")
    data = box(b"udta", b"sound")
    size = (movie.end - movie.offset + len(data)).to_bytes(4)
    return whole[: movie.offset] + size + whole[movie.offset + 4 : movie.end] + data + whole[movie.end :]


def with_more_data(whole: bytes) -> bytes:
    """Data that no table tells of, among the pictures, in the last box."""
    at = whole.rindex(b"mdat") - 4
    size = (int.from_bytes(whole[at : at + 4]) + 5).to_bytes(4)
    return whole[:at] + size + whole[at + 4 :] + b"sound"


ADDED: dict[str, Callable[[bytes], bytes]] = {
    "a track": with_a_track_of_sound,
    "another kind of track": lambda whole: whole.replace(b"vide", b"soun", 1),
    "a box in the movie": with_a_box_in_the_movie,
    "more data": with_more_data,
    "a box behind": lambda whole: whole + box(b"mdat", b"sound"),
    "bytes behind": lambda whole: whole + b"sound",
}


async def test_there_is_no_room_for_sound(
    data: Path, files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Wherever it would lie, and in each kind of file."""
    assert run(["verify", "--data", str(data), "--no-audio"]) == OK
    assert capsys.readouterr().out.startswith("No file has room for sound")
    for kind, flaw in (("recording", "structure"), ("clip", "changed")):
        whole = files[kind].read_bytes()
        for how, add in ADDED.items():
            files[kind].write_bytes(add(whole))
            assert looked_at(data, capsys, "--no-audio") == {(files[kind].name, flaw)}, how
        files[kind].write_bytes(whole)
    whole, contents = files["package"].read_bytes(), contents_of(files["package"])
    [video] = [name for name in contents if name.endswith(".mp4")]
    for other in (
        *({**contents, video: add(contents[video])} for add in ADDED.values()),
        {**contents, "sound.mp3": b""},
    ):
        zipped(files["package"], other)
        assert looked_at(data, capsys, "--no-audio") == {(files["package"].name, "changed")}
    files["package"].write_bytes(b"ID3" + whole)
    assert looked_at(data, capsys, "--no-audio") == {(files["package"].name, "changed")}
    files["package"].write_bytes(whole)
    for kind in ("still", "record"):
        whole = files[kind].read_bytes()
        files[kind].write_bytes(b"ID3 and so on")
        assert looked_at(data, capsys, "--no-audio") == {(files[kind].name, "changed")}
        files[kind].write_bytes(whole)
    assert looked_at(data, capsys, "--no-audio") == set()


async def test_exports_are_held_against_what_was_made(
    data: Path, files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """One flipped bit, a byte less, a file that is gone, one that nobody made; all with their names."""
    assert looked_at(data, capsys) == set()
    clip, still, record = (files[kind] for kind in ("clip", "still", "record"))
    whole = clip.read_bytes()
    clip.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    still.write_bytes(still.read_bytes()[:-1])
    record.unlink()
    (record.parent / "other.txt").write_bytes(b"")
    expected = {(clip.name, "changed"), (still.name, "changed"), (record.name, "missing"), ("other.txt", "foreign")}
    assert looked_at(data, capsys) == expected
    clip.unlink()
    clip.mkdir()
    assert (clip.name, "unreadable") in looked_at(data, capsys)


async def test_exports_that_are_removed_meanwhile_are_not_missed(
    data: Path, files: dict[str, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their files go while they are looked at."""
    del files

    def remove(path: Path, _file: object) -> str:
        with Index.open(data / INDEX, SystemClock()) as index:
            for one in index.kept_exports():
                index.remove_export(one.export_id, Reason(DeletionRule.PERSON, "", 1, "user"))
        return f"{path.name} is gone"

    monkeypatch.setattr("recorder_core.cli.verify_files.check_unchanged", remove)
    assert looked_at(data, capsys) == set()
