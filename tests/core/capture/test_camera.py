"""Cameras as they are meant to be: recorded from the first sync sample to the stop, without a picture missing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from recorder_core.capture import run as run_module
from recorder_core.capture.camera import _ROOM_LOOK_S
from recorder_core.errors import CameraError, ErrorCode, StorageError
from recorder_core.models import CameraState, SourceKind
from recorder_core.simulator import Challenge, ChangeVideo, Disconnect, Quirk, SlowAnswers, VideoCodec
from recorder_core.storage.records import GapReason
from tests.core.rtsp.certificates import self_signed, server_context

from .house import EARLY_US, LATE_US, QUICK, camera, consecutive, house

if TYPE_CHECKING:
    from pathlib import Path

    from recorder_core.capture.source import Consumer, SourceInfo

ACCOUNT = {"username": "user", "password": "top-secret"}


@pytest.mark.parametrize(
    "video",
    [QUICK, replace(QUICK, b_frames=2, gop=9), replace(QUICK, codec=VideoCodec.H265), replace(QUICK, slices=3)],
    ids=["h264", "b_frames", "h265", "slices"],
)
async def test_every_picture_from_the_first_to_the_last(tmp_path: Path, video: object) -> None:
    """With sound on offer, which is not asked for (invariant 5)."""
    async with house(tmp_path, camera(video=video)) as home:
        recorder = home.record()
        assert recorder.status.state is CameraState.CONNECTING
        await home.run()
        await home.simulator.wait_frames("entrance", 20)
        status = recorder.status
        assert (status.state, status.problem, status.source) == (CameraState.RECORDING, None, SourceKind.RTSP)
        assert status.audio_offered
        assert status.format is not None
        assert (status.format.width, status.format.height) == (320, 192)
        assert status.run_id == home.where.sink.account("entrance").runs[0].run_id
        await home.stop()
        await home.simulator.wait_for_no_client("entrance")
        serials = await home.serials()
        counters = home.simulator.counters("entrance")
        errors = await home.clock_errors()
    # A recording may end between reordered pictures.
    assert consecutive(serials[:-3])
    assert len(serials) >= 20
    assert (counters.video_setups, counters.audio_setups, counters.teardowns) == (1, 0, 1)
    assert status.packets_lost == 0
    assert all(EARLY_US < error < LATE_US for error in errors)
    assert home.where.sink.account("entrance").opened == [GapReason.CONNECTING, GapReason.DISABLED]


async def test_files_follow_each_other_without_a_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "SEGMENT_US", 400_000)
    async with house(tmp_path) as home:
        home.record()
        await home.until(lambda: len(home.where.closed) >= 4)
        await home.stop()
        segments = await home.where.segments("entrance")
        assert consecutive(await home.serials())
        assert [one.end_us for one in segments[:-1]] == [one.start_us for one in segments[1:]]
        assert len({one.run_id for one in segments}) == 1


@pytest.mark.parametrize("challenge", Challenge)
async def test_passwords(tmp_path: Path, challenge: Challenge, caplog: pytest.LogCaptureFixture) -> None:
    guarded = camera(**ACCOUNT, challenges=(challenge,))
    async with house(tmp_path, guarded) as home:
        recorder = home.record()
        await home.run()
        assert recorder.status.state is CameraState.RECORDING
        await home.stop()
        assert home.simulator.counters("entrance").unauthorized == 1
    assert "top-secret" not in caplog.text
    assert "top-secret" not in repr(recorder.config)


async def test_a_session_lives_on_with_nonces_that_grow_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs of life come in time, each with a nonce that the camera still takes."""
    # Seven of them take longer than the camera waits for one, and a busy machine may be late with each.
    monkeypatch.setattr("recorder_core.rtsp.stream._KEEP_ALIVE_SHARE", 0.15)
    guarded = camera(**ACCOUNT, challenges=(Challenge.DIGEST_MD5,), nonce_uses=2, session_timeout_s=4)
    async with house(tmp_path, guarded) as home:
        home.record()
        counters = home.simulator.counters("entrance")
        await home.run()
        while counters.keep_alives < 7:
            await home.simulator.wait_frames("entrance", 5)
        await home.stop()
        assert (counters.timeouts, counters.plays) == (0, 1)
        assert counters.unauthorized >= 3
        assert consecutive(await home.serials())


async def test_over_tls(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    async with house(tmp_path, camera(tls=True), tls=server_context(certificate)) as home:
        assert home.simulator.url("entrance").startswith("rtsps://")
        home.record(verify_tls=True)
        await home.until(lambda: _code(home.recorders["entrance"].status.problem) is ErrorCode.TLS_FAILED)
        await home.recorders["entrance"].stop(GapReason.RECONFIGURED)
        home.record()
        await home.run()
        await home.simulator.wait_frames("entrance", 40)
        await home.stop()
        assert consecutive(await home.serials())


def _code(problem: object) -> ErrorCode | None:
    return problem.code if isinstance(problem, CameraError | StorageError) else None


@pytest.mark.parametrize(
    ("fault", "code", "reason"),
    [
        (Quirk.REFUSE, ErrorCode.CONNECTION_REFUSED, GapReason.CONNECT_FAILED),
        (Quirk.CLOSE_AT_ONCE, ErrorCode.CONNECTION_LOST, GapReason.CONNECTION_LOST),
        (Quirk.NEVER_ANSWER, ErrorCode.TIMEOUT, GapReason.CONNECT_FAILED),
        (SlowAnswers(30), ErrorCode.TIMEOUT, GapReason.CONNECT_FAILED),
        (Quirk.REJECT_PASSWORD, ErrorCode.AUTH_FAILED, GapReason.AUTH_FAILED),
        (Quirk.NOT_FOUND, ErrorCode.NOT_FOUND, GapReason.CONNECT_FAILED),
        (Quirk.UNAVAILABLE, ErrorCode.REJECTED, GapReason.CONNECT_FAILED),
        (Quirk.NO_VIDEO, ErrorCode.NO_VIDEO, GapReason.NO_VIDEO),
        (Quirk.UNKNOWN_CODEC, ErrorCode.UNSUPPORTED_CODEC, GapReason.UNSUPPORTED),
    ],
    ids=str,
)
async def test_a_camera_that_cannot_be_had_and_then_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Quirk | SlowAnswers, code: ErrorCode, reason: GapReason
) -> None:
    """The reason stands in the gap; one gap, however often it is tried."""
    if code is ErrorCode.TIMEOUT:
        monkeypatch.setattr("recorder_core.capture.native.ANSWER_TIMEOUT_S", 0.1)
    made = camera(**ACCOUNT, challenges=(Challenge.DIGEST_SHA256,), faults=(fault,))
    async with house(tmp_path, made) as home:
        recorder = home.record()
        await home.until(lambda: _code(recorder.status.problem) is code)
        assert recorder.status.run_id is None
        await home.until(lambda: len(home.clock.waits) >= 2 or home.clock.waits[:1] > [40.0])
        account = home.where.sink.account("entrance")
        assert account.opened == [GapReason.CONNECTING, reason]
        monkeypatch.undo()
        await home.simulator.clear("entrance")
        await home.run()
        assert recorder.status.problem is None
        await home.stop()
        assert consecutive(await home.serials())


async def test_a_camera_without_any_password_given(tmp_path: Path) -> None:
    async with house(tmp_path, camera(**ACCOUNT, challenges=(Challenge.BASIC,))) as home:
        recorder = home.record(username=None)
        await home.until(lambda: _code(recorder.status.problem) is ErrorCode.AUTH_REQUIRED)
        await home.stop()


@pytest.mark.parametrize("url", ["http://127.0.0.1/mjpeg", "nonsense"])
async def test_an_address_that_leads_nowhere(tmp_path: Path, url: str) -> None:
    async with house(tmp_path) as home:
        recorder = home.record(url=url)
        await home.until(lambda: recorder.status.problem is not None)
        assert home.where.sink.account("entrance").opened == [GapReason.CONNECTING, GapReason.CONNECT_FAILED]
        await home.stop()


async def test_motion_jpeg_is_not_for_this_source(tmp_path: Path) -> None:
    async with house(tmp_path, camera(video=replace(QUICK, codec=VideoCodec.MJPEG))) as home:
        recorder = home.record()
        await home.until(lambda: _code(recorder.status.problem) is ErrorCode.UNSUPPORTED_CODEC)
        await home.stop()


async def test_one_camera_in_trouble_leaves_the_other_alone(tmp_path: Path) -> None:
    async with house(tmp_path, camera("steady"), camera("shaky", number=2)) as home:
        home.record("steady")
        home.record("shaky")
        await home.run(1, "shaky")
        await home.run(1, "steady")
        for number in (2, 3):
            await home.simulator.apply("shaky", Disconnect())
            await home.run(number, "shaky")
        await home.simulator.apply("shaky", Quirk.REFUSE)
        await home.gap(GapReason.CONNECT_FAILED, "shaky")
        await home.simulator.wait_frames("steady", 20)
        await home.stop("shaky")
        await home.stop("steady")
        assert consecutive(await home.serials("steady"))
        assert home.where.sink.account("steady").opened == [GapReason.CONNECTING, GapReason.DISABLED]
        assert home.simulator.counters("steady").connections == 1
        assert len(await home.where.segments("shaky")) == 3


async def test_stopping_at_any_time(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        recorder = home.record()
        await home.stop()
        await recorder.stop(GapReason.DISABLED)
        recorder = home.record()
        await home.simulator.wait_for_client("entrance")
        await home.stop()
        assert recorder.status.run_id is None


async def test_a_source_with_a_fault_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A mistake in a source is survived, logged, and tried again."""

    class Broken:
        async def open(self) -> SourceInfo:
            raise ValueError("broken")

        def start(self, consumer: Consumer) -> None:
            raise AssertionError(consumer)

        async def close(self) -> None:
            raise OSError("broken as well")

    monkeypatch.setattr("recorder_core.capture.camera.make_sources", lambda *_: [Broken()])
    async with house(tmp_path) as home:
        recorder = home.record()
        await home.until(lambda: recorder.status.problem is not None)
        assert recorder.status.problem is not None
        assert recorder.status.problem.code is ErrorCode.INTERNAL
        assert "the session failed" in caplog.text
        monkeypatch.undo()
        await home.run()
        await home.stop()


async def test_no_source_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recorder_core.capture.camera.make_sources", lambda *_: [])
    async with house(tmp_path) as home:
        recorder = home.record()
        await home.until(lambda: _code(recorder.status.problem) is ErrorCode.INTERNAL)
        await home.stop()


async def test_a_disk_without_room_and_with_room_again(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        home.where.sink.refusal = StorageError(ErrorCode.VOLUME_FULL, "full")
        recorder = home.record()
        await home.until(lambda: recorder.status.state is CameraState.STORAGE_FULL)
        home.where.sink.refusal = StorageError(ErrorCode.VOLUME_MISSING, "gone")
        await home.until(lambda: recorder.status.state is CameraState.STORAGE_FAILED)
        home.where.sink.refusal = None
        await home.run()
        assert recorder.status.state is CameraState.RECORDING
        account = home.where.sink.account("entrance")
        assert account.opened == [GapReason.CONNECTING, GapReason.STORAGE_FULL, GapReason.STORAGE_FAILED]
        await home.stop()


@pytest.mark.parametrize(
    ("faults", "code", "reason"),
    [
        ((), ErrorCode.NO_SYNC_SAMPLE, GapReason.NO_SYNC_SAMPLE),
        ((Quirk.NO_PARAMETER_SETS,), ErrorCode.FORMAT_UNREADABLE, GapReason.UNSUPPORTED),
    ],
    ids=["no_sync_sample", "no_format"],
)
async def test_a_camera_whose_video_has_no_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faults: tuple[Quirk, ...], code: ErrorCode, reason: GapReason
) -> None:
    """It is said, it stands in the gap, and it is tried again; the state does not waver meanwhile."""
    monkeypatch.setattr("recorder_core.capture.camera._USELESS_US", 500_000)
    endless = replace(QUICK, gop=1 << 20)
    async with house(tmp_path, camera(video=endless, faults=faults)) as home:
        while len(home.simulator.frames) < 3:  # the only sync sample goes to nobody
            await home.clock.sleep(1)
        recorder = home.record()
        await home.until(lambda: _code(recorder.status.problem) is code)
        since_us = recorder.status.since_us
        await home.until(lambda: home.simulator.counters("entrance").plays >= 2)
        assert (recorder.status.state, recorder.status.since_us) == (CameraState.RETRYING, since_us)
        assert home.where.sink.account("entrance").opened == [GapReason.CONNECTING, reason]
        monkeypatch.undo()
        await home.simulator.apply("entrance", ChangeVideo(QUICK))
        await home.run()
        assert recorder.status.problem is None
        await home.stop()
        assert consecutive(await home.serials())


async def test_a_camera_is_left_alone_until_there_is_room(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with house(tmp_path) as home:
        home.where.sink.refusal = StorageError(ErrorCode.VOLUME_FULL, "full")
        recorder = home.record()
        await home.until(lambda: recorder.status.state is CameraState.STORAGE_FULL)
        while home.clock.waits.count(_ROOM_LOOK_S) < 3:
            await home.clock.sleep(0)
        assert home.simulator.counters("entrance").connections == 0
        assert caplog.text.count("Camera entrance: full") == 1
        await home.simulator.apply("entrance", Quirk.REFUSE)
        home.where.sink.refusal = None
        await home.until(lambda: recorder.status.state is CameraState.CONNECTING)
        await home.until(lambda: recorder.status.state is CameraState.RETRYING)
        await home.simulator.clear("entrance")
        await home.run()
        await home.stop()
        account = home.where.sink.account("entrance")
        reasons = [GapReason.CONNECTING, GapReason.STORAGE_FULL, GapReason.CONNECT_FAILED, GapReason.DISABLED]
        assert account.opened == reasons


async def test_a_run_that_cannot_be_ended_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with house(tmp_path) as home:
        home.record()
        await home.run()
        monkeypatch.setattr("recorder_core.capture.camera.Recording.finish", lambda *_: 1 // 0)
        await home.recorders["entrance"].stop(GapReason.DISABLED)
        assert "ending the run failed" in caplog.text
        assert home.where.sink.account("entrance").opened[-1] is GapReason.DISABLED
