"""How a camera asks for a password and checks the answer: Basic (RFC 7617) and Digest (RFC 2069, 2617, 7616)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from enum import Enum, auto
from typing import TYPE_CHECKING

from .camera import Challenge

if TYPE_CHECKING:
    from collections.abc import Callable

    from .camera import SimulatedCamera
    from .messages import Request

_PARAMETER = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


_DIGESTS: dict[Challenge, tuple[str, bool, Callable[[str], str]]] = {
    Challenge.DIGEST_PLAIN: ("MD5", False, _md5),
    Challenge.DIGEST_MD5: ("MD5", True, _md5),
    Challenge.DIGEST_SHA256: ("SHA-256", True, _sha256),
}


class Verdict(Enum):
    """What a request's credentials are worth."""

    GOOD = auto()
    BAD = auto()
    STALE = auto()
    """Right, but with a nonce that has been used up."""


class Gate:
    """The check of one connection, or of all of a camera's; who asks without credentials is given a new nonce."""

    def __init__(self, camera: SimulatedCamera) -> None:
        """Guard this camera."""
        self._camera = camera
        self._realm = camera.name
        self._renew()

    def _renew(self) -> None:
        self._nonce = secrets.token_hex(16)
        self._uses = 0
        self._count = 0

    def challenges(self, *, stale: bool) -> list[tuple[str, str]]:
        """The headers of a 401 answer; a camera that needs no password, but is to reject one, offers Basic."""
        offered = self._camera.challenges or (Challenge.BASIC,)
        return [("WWW-Authenticate", self._challenge(kind, stale=stale)) for kind in offered]

    def _challenge(self, kind: Challenge, *, stale: bool) -> str:
        if kind is Challenge.BASIC:
            return f'Basic realm="{self._realm}"'
        algorithm, qop, _ = _DIGESTS[kind]
        text = f'Digest realm="{self._realm}", nonce="{self._nonce}", algorithm={algorithm}'
        text += ', qop="auth"' if qop else ""
        return text + (", stale=true" if stale else "")

    def check(self, request: Request) -> Verdict:
        """Judge a request; a camera without challenges lets everybody in."""
        if not self._camera.challenges:
            return Verdict.GOOD
        if "authorization" not in request.headers:
            self._renew()
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic" and Challenge.BASIC in self._camera.challenges:
            expected = base64.b64encode(f"{self._camera.username}:{self._camera.password}".encode()).decode()
            return Verdict.GOOD if hmac.compare_digest(rest.strip().encode(), expected.encode()) else Verdict.BAD
        if scheme.lower() == "digest":
            return self._check_digest(request, rest)
        return Verdict.BAD

    def _check_digest(self, request: Request, rest: str) -> Verdict:
        given = {match[1].lower(): match[2] or match[3] or "" for match in _PARAMETER.finditer(rest)}
        algorithm, qop = given.get("algorithm", "MD5"), "qop" in given
        for kind, (name, with_qop, digest) in _DIGESTS.items():
            if kind in self._camera.challenges and (name, with_qop) == (algorithm, qop):
                return self._judge(request, given, digest)
        return Verdict.BAD

    def _judge(self, request: Request, given: dict[str, str], digest: Callable[[str], str]) -> Verdict:
        camera = self._camera
        secret = digest(f"{camera.username}:{self._realm}:{camera.password}")
        target = digest(f"{request.method}:{request.url}")
        middle = [given.get("nonce", "")]
        if "qop" in given:
            middle += [given.get("nc", ""), given.get("cnonce", ""), given["qop"]]
        expected = digest(":".join([secret, *middle, target]))
        named = given.get("username") == camera.username and given.get("realm") == self._realm
        if not named or not hmac.compare_digest(given.get("response", "").encode(), expected.encode()):
            return Verdict.BAD
        return self._use(given)

    def _use(self, given: dict[str, str]) -> Verdict:
        limit = self._camera.nonce_uses
        if given["nonce"] != self._nonce or (limit is not None and self._uses >= limit):
            self._renew()
            return Verdict.STALE
        if "qop" in given:
            # The count must grow with each use of a nonce (RFC 7616 section 3.4).
            count = int(given["nc"], 16) if re.fullmatch(r"[0-9a-fA-F]{8}", given.get("nc", "")) else 0
            if count <= self._count:
                return Verdict.BAD
            self._count = count
        self._uses += 1
        return Verdict.GOOD
