"""A request is parsed strictly, and nothing that comes in can do more than be refused."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given, strategies as st

from recorder_core.api.parse import parse_body, parse_int, parse_seconds
from recorder_core.errors import ErrorCode, RequestError
from recorder_core.models import CameraConfig, ExportRequest, ProbeRequest, Settings, SourceKind, VolumeConfig

CAMERA = {"camera_id": "lobby", "name": "Lobby", "url": "rtsp://camera/1"}


def _refused(model: type, body: object) -> str | float:
    with pytest.raises(RequestError) as caught:
        parse_body(model, json.dumps(body).encode())
    assert caught.value.code is ErrorCode.BAD_REQUEST
    return caught.value.placeholders["field"]


def test_defaults_fill_what_is_left_out() -> None:
    assert parse_body(CameraConfig, json.dumps(CAMERA).encode()) == CameraConfig(
        camera_id="lobby", name="Lobby", url="rtsp://camera/1"
    )


def test_every_kind_of_field_is_read() -> None:
    body = CAMERA | {"password": None, "enabled": False, "source": "pyav", "stall_timeout_s": 5}
    camera = parse_body(CameraConfig, json.dumps(body).encode())
    assert (camera.enabled, camera.source, camera.stall_timeout_s) == (False, SourceKind.PYAV, 5.0)
    assert type(camera.stall_timeout_s) is float


def test_lists_of_objects_are_read() -> None:
    settings = parse_body(Settings, b'{"volumes": [{"path": "/a"}, {"path": "/b", "max_bytes": 7}]}')
    assert settings == Settings(volumes=[VolumeConfig(path="/a"), VolumeConfig(path="/b", max_bytes=7)])


@pytest.mark.parametrize(
    ("model", "body", "field"),
    [
        (CameraConfig, [], ""),
        (CameraConfig, {"camera_id": "lobby", "name": "Lobby"}, "url"),
        (CameraConfig, CAMERA | {"shutter": 1}, "shutter"),
        (CameraConfig, CAMERA | {"name": 7}, "name"),
        (CameraConfig, CAMERA | {"name": "a\0b"}, "name"),
        (CameraConfig, CAMERA | {"enabled": 1}, "enabled"),
        (CameraConfig, CAMERA | {"source": "telepathy"}, "source"),
        (CameraConfig, CAMERA | {"source": None}, "source"),
        (CameraConfig, CAMERA | {"stall_timeout_s": True}, "stall_timeout_s"),
        (CameraConfig, CAMERA | {"stall_timeout_s": "10"}, "stall_timeout_s"),
        (Settings, {"volumes": {}}, "volumes"),
        (Settings, {"volumes": [{"path": "/a"}, 5]}, "volumes[1]"),
        (Settings, {"volumes": [{"path": "/a", "color": 1}]}, "volumes[0].color"),
        (Settings, {"volumes": [{}]}, "volumes[0].path"),
        (VolumeConfig, {"path": "/a", "max_bytes": 1.5}, "max_bytes"),
        (VolumeConfig, {"path": "/a", "max_bytes": 1 << 63}, "max_bytes"),
        (ExportRequest, {"camera_id": "a", "start_us": True, "end_us": 2}, "start_us"),
    ],
)
def test_what_is_wrong_is_named(model: type, body: object, field: str) -> None:
    assert _refused(model, body) == field


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"url": NaN}', b"[" * 5000])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        parse_body(CameraConfig, body)
    assert caught.value.placeholders == {"field": ""}


def test_a_refused_value_is_not_repeated() -> None:
    body = CAMERA | {"password": ["hunter2"]}
    with pytest.raises(RequestError) as caught:
        parse_body(CameraConfig, json.dumps(body).encode())
    assert "hunter2" not in f"{caught.value!r} {caught.value.placeholders} {caught.value.__cause__!r}"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["camera_id", "name", "url", "volumes", "path", "x"]), inner, max_size=5)
    ),
    max_leaves=8,
)


@given(st.sampled_from([CameraConfig, ProbeRequest, VolumeConfig, Settings, ExportRequest]), st.binary() | _JSON)
def test_whatever_comes_is_parsed_or_refused(model: type, body: object) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        value: object = parse_body(model, raw)
    except RequestError:
        return
    assert isinstance(value, model)
    assert parse_body(model, orjson.dumps(orjson.loads(raw))) == value


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("-5", -5), ("9223372036854775807", 2**63 - 1)])
def test_whole_numbers_are_read(text: str, value: int) -> None:
    assert parse_int(text, "after") == value


@pytest.mark.parametrize("text", ["", "-", "1.5", "one", "\N{ARABIC-INDIC DIGIT ONE}", "9" * 19, "9" * 5000, "+1"])
def test_what_is_no_whole_number_is_refused(text: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_int(text, "after")
    assert caught.value.placeholders == {"field": "after"}


def test_seconds_are_read() -> None:
    assert parse_seconds("1.5", "wait_s") == 1.5


@pytest.mark.parametrize("text", ["", "-1", "nan", "inf", "soon"])
def test_what_is_no_number_of_seconds_is_refused(text: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_seconds(text, "wait_s")
    assert caught.value.placeholders == {"field": "wait_s"}
