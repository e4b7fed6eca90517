"""What is well-formed must also make sense."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from recorder_core.api.rules import check
from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.models import (
    CameraConfig,
    DeliveryFolder,
    DeliveryRemoval,
    DeliveryRequest,
    ExportRequest,
    PackageRequest,
    ProbeRequest,
    Retention,
    Settings,
    StillRequest,
    VolumeConfig,
)

type _Value = (
    CameraConfig
    | DeliveryRemoval
    | DeliveryRequest
    | ExportRequest
    | PackageRequest
    | ProbeRequest
    | Settings
    | StillRequest
    | VolumeConfig
)


def _camera(camera_id: str = "lobby", name: str = "Lobby", url: str = "rtsp://c/1", **more: float) -> CameraConfig:
    return CameraConfig(camera_id=camera_id, name=name, url=url, stall_timeout_s=more.get("stall_timeout_s", 10.0))


def _folder(name: str = "Desk", path: str = "/share/desk") -> DeliveryFolder:
    return DeliveryFolder(name=name, path=path)


@pytest.mark.parametrize(
    "value",
    [
        _camera("a" * 64, "Old Town \N{EM DASH} lobby", "rtsps://[2001:db8::1]:322/live?x=1"),
        ProbeRequest(url="rtsp://10.0.0.1/", password="p" * 256),
        VolumeConfig(path="/media/footage", min_free_bytes=1, max_bytes=1),
        Settings(volumes=[VolumeConfig(path="/a")], time_zone="America/Denver"),
        replace(_camera(), retention=Retention(retention_days=0.01, quota_bytes=1, minimum_days=30)),
        ExportRequest(camera_id="a", start_us=5, end_us=1, label="case 12"),
        StillRequest(camera_id="a", at_us=0),
        PackageRequest(camera_ids=["a", "b"], start_us=1, end_us=2, request_id="R", basis="B", expires_us=3),
        Settings(delivery_folders=[_folder("n" * 64), _folder("Old Town \N{EM DASH} desk")], delivery_days=365),
        DeliveryRequest(folder="", expires_us=0, actor="u1"),
        DeliveryRemoval(actor="a" * 128),
    ],
)
def test_what_makes_sense_passes(value: _Value) -> None:
    check(value)


@pytest.mark.parametrize(
    ("value", "field"),
    [
        *(
            (Settings(delivery_folders=[_folder(name)]), "delivery_folders[0].name")
            for name in ("", "n" * 65, " desk", "desk ", "a\nb")
        ),
        *(
            (Settings(delivery_folders=[_folder(), _folder("b", path)]), "delivery_folders[1].path")
            for path in ("", "desk", "/share/../etc", "/" + "n" * 256, "/a\nb")
        ),
        (Settings(delivery_folders=[_folder(), _folder()]), "delivery_folders"),
        *((Settings(delivery_days=days), "delivery_days") for days in (0.0, -1.0, 365.5, math.nan)),
        (DeliveryRequest(folder="a", expires_us=-1), "expires_us"),
        (DeliveryRequest(folder="a", actor="a" * 129), "actor"),
        (DeliveryRemoval(actor="a\nb"), "actor"),
        (_camera(""), "camera_id"),
        (_camera("a" * 65), "camera_id"),
        (_camera("../etc"), "camera_id"),
        (_camera("lobby\n"), "camera_id"),
        (_camera(name="   "), "name"),
        (_camera(name="n" * 257), "name"),
        (_camera(stall_timeout_s=0.5), "stall_timeout_s"),
        (_camera(stall_timeout_s=1e9), "stall_timeout_s"),
        (_camera(url="rtsp://c/" + "x" * 2048), "url"),
        (ProbeRequest(url="rtsp://c/", timeout_s=0), "timeout_s"),
        (ProbeRequest(url="rtsp://c/", username="u" * 257), "username"),
        (VolumeConfig(path="footage"), "path"),
        (VolumeConfig(path="/media/../etc"), "path"),
        (VolumeConfig(path="/media/" + "\N{LATIN SMALL LETTER E WITH ACUTE}" * 128), "path"),
        (VolumeConfig(path="/media/a\n2026-01-01 ERROR"), "path"),
        (VolumeConfig(path="/a", min_free_bytes=0), "min_free_bytes"),
        (VolumeConfig(path="/a", max_bytes=-1), "max_bytes"),
        (Settings(volumes=[VolumeConfig(path="/a"), VolumeConfig(path="b")]), "volumes[1].path"),
        (Settings(time_zone="Mars/Olympus"), "time_zone"),
        (Settings(time_zone="../../etc/passwd"), "time_zone"),
        (Settings(time_zone=""), "time_zone"),
        (Settings(policy_version="v" * 129), "policy_version"),
        (Settings(exports=Retention(retention_days=0)), "exports.retention_days"),
        (replace(_camera(), retention=Retention(retention_days=-1)), "retention.retention_days"),
        (replace(_camera(), retention=Retention(retention_days=math.inf)), "retention.retention_days"),
        (replace(_camera(), retention=Retention(minimum_days=40_000)), "retention.minimum_days"),
        (replace(_camera(), retention=Retention(destroy_after_days=0)), "retention.destroy_after_days"),
        (replace(_camera(), retention=Retention(quota_bytes=0)), "retention.quota_bytes"),
        (ExportRequest(camera_id="a", start_us=1, end_us=2, label="l" * 257), "label"),
        (ExportRequest(camera_id="a", start_us=1, end_us=2, actor="a\nb"), "actor"),
        (StillRequest(camera_id="a", at_us=-1), "at_us"),
        (PackageRequest(camera_ids=[], start_us=1, end_us=2), "camera_ids"),
        (PackageRequest(camera_ids=["a", "a"], start_us=1, end_us=2), "camera_ids"),
        (PackageRequest(camera_ids=["a"], start_us=1, end_us=2, basis="b" * 129), "basis"),
        (PackageRequest(camera_ids=["a"], start_us=1, end_us=2, request_id="\t"), "request_id"),
        (PackageRequest(camera_ids=["a"], start_us=1, end_us=2, expires_us=-1), "expires_us"),
    ],
)
def test_what_makes_no_sense_is_named(value: _Value, field: str) -> None:
    with pytest.raises(RecorderError) as caught:
        check(value)
    assert (caught.value.code, caught.value.placeholders["field"]) == (ErrorCode.BAD_REQUEST, field)


@pytest.mark.parametrize("url", ["", "camera", "file:///etc/passwd", "rtsp://", "rtsp://c:99999/", "rtsp://a b/"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(RecorderError) as caught:
        check(_camera(url=url))
    assert caught.value.code is ErrorCode.BAD_URL


def test_credentials_do_not_belong_in_an_address() -> None:
    with pytest.raises(RecorderError) as caught:
        check(ProbeRequest(url="rtsp://admin:hunter2@camera/"))
    assert caught.value.code is ErrorCode.BAD_URL
    assert "hunter2" not in f"{caught.value} {caught.value.placeholders}"
