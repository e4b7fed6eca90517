"""Whatever libavformat met, its words never leave the child: they name the address with the password in it."""

from __future__ import annotations

import errno
import io
import json
import sys
from dataclasses import asdict
from types import SimpleNamespace
from typing import TYPE_CHECKING

import av
import av.error
import pytest

from recorder_core.capture import pyav_child
from recorder_core.capture.pyav_child import main
from recorder_core.capture.pyav_input import explain, open_input
from recorder_core.capture.pyav_protocol import HEAD, Kind, Orders
from recorder_core.errors import CameraError, ErrorCode

from .taking import orders

if TYPE_CHECKING:
    from typing import BinaryIO

SECRET = "open-sesame"  # noqa: S105  a word to look for

FAULTS = [
    (av.error.HTTPUnauthorizedError, 1, ErrorCode.AUTH_FAILED),
    (av.error.HTTPForbiddenError, 1, ErrorCode.AUTH_FAILED),
    (av.error.HTTPNotFoundError, 1, ErrorCode.NOT_FOUND),
    (av.error.HTTPBadRequestError, 1, ErrorCode.REJECTED),
    (av.error.HTTPOtherClientError, 1, ErrorCode.REJECTED),
    (av.error.HTTPServerError, 1, ErrorCode.REJECTED),
    (av.error.ConnectionRefusedError, errno.ECONNREFUSED, ErrorCode.CONNECTION_REFUSED),
    (av.error.TimeoutError, errno.ETIMEDOUT, ErrorCode.TIMEOUT),
    (av.error.ExitError, 1, ErrorCode.TIMEOUT),
    (av.error.EOFError, 1, ErrorCode.CONNECTION_LOST),
    (av.error.InvalidDataError, 1, ErrorCode.PROTOCOL),
    (av.error.OSError, errno.EHOSTUNREACH, ErrorCode.UNREACHABLE),
    (av.error.UnknownError, 1, ErrorCode.UNREACHABLE),
]


@pytest.mark.parametrize(("kind", "number", "code"), FAULTS)
def test_each_fault_has_its_code_and_no_address(
    kind: type[av.error.FFmpegError], number: int, code: ErrorCode, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"rtsp://viewer:{SECRET}@192.0.2.7/lobby"
    fault = kind(number, "it failed", address)
    assert explain(fault).code is code

    def fails(url: str, **_: object) -> None:
        assert url == address
        raise fault

    monkeypatch.setattr(av, "open", fails)
    with pytest.raises(CameraError) as caught:
        open_input(orders("rtsp://192.0.2.7/lobby", "viewer", SECRET))
    said = f"{caught.value!r} {caught.value.placeholders} {caught.value.__cause__!r}"
    assert caught.value.code is code
    assert caught.value.__suppress_context__
    assert SECRET not in said
    assert "192.0.2.7" not in said


def _run(monkeypatch: pytest.MonkeyPatch, told: Orders) -> tuple[int, bytes]:
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(asdict(told)) + "\n"))
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=out))
    return main(), out.getvalue()


def test_the_child_ends_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    code, said = _run(monkeypatch, orders("http://127.0.0.1:9/lobby", "viewer", SECRET))
    kind, length = HEAD.unpack_from(said)
    told = json.loads(said[HEAD.size :])
    assert (code, kind, length) == (1, Kind.ERROR, len(said) - HEAD.size)
    assert told == {
        "code": "connection_refused",
        "message": "The camera refuses connections.",
        "placeholders": {},
    }


def test_a_fault_of_its_own_is_told_by_its_name_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(told: Orders, _: BinaryIO) -> None:
        raise LookupError(told.password)

    monkeypatch.setattr(pyav_child, "capture", fails)
    code, said = _run(monkeypatch, orders("http://127.0.0.1:9/lobby", "viewer", SECRET))
    told = json.loads(said[HEAD.size :])
    assert (code, told["code"]) == (1, "internal_error")
    assert "LookupError" in told["message"]
    assert SECRET.encode() not in said


def test_a_recorder_that_has_gone_needs_no_word(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: Orders, __: BinaryIO) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(pyav_child, "capture", fails)
    assert _run(monkeypatch, orders("http://127.0.0.1:9/lobby")) == (0, b"")


def test_a_secure_connection_that_cannot_be_made_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    options: dict[str, str] = {}

    def fails(url: str, **more: dict[str, str]) -> None:
        options.update(more["options"])
        raise av.error.OSError(errno.EIO, "Input/output error", url)

    monkeypatch.setattr(av, "open", fails)
    for scheme, verify, code in (
        ("rtsps", True, ErrorCode.TLS_FAILED),
        ("https", False, ErrorCode.TLS_FAILED),
        ("rtsp", True, ErrorCode.UNREACHABLE),
    ):
        with pytest.raises(CameraError) as caught:
            open_input(orders(f"{scheme}://192.0.2.7/lobby", verify=verify))
        assert caught.value.code is code
        assert options.pop("tls_verify", None) == (str(int(verify)) if code is ErrorCode.TLS_FAILED else None)
