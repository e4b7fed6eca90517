"""Digest (RFC 2617, RFC 7616 for SHA-256) and Basic authentication of a client."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_WORD = re.compile(r'([a-zA-Z0-9_-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?')
"""A scheme, or a parameter with its value (RFC 7235 section 2.1)."""

_ESCAPED = re.compile(r"\\(.)")

# Strongest first. MD5 is what most cameras still ask for; the transport has to protect it.
_ALGORITHMS: tuple[tuple[str, str], ...] = (
    ("SHA-256", "sha256"),
    ("SHA-256-SESS", "sha256"),
    ("MD5", "md5"),
    ("MD5-SESS", "md5"),
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A camera's user name and password."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to authenticate that a server offers: its scheme in lower case, its parameters keyed in lower case."""

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)


def parse_challenges(header: str) -> list[Challenge]:
    """Read the challenges of a `WWW-Authenticate` header; what belongs to none is passed over."""
    challenges: list[Challenge] = []
    for name, quoted, bare in (match.groups() for match in _WORD.finditer(header)):
        if quoted is None and bare is None:
            challenges.append(Challenge(name.lower()))
        elif challenges:
            value = bare if quoted is None else _ESCAPED.sub(r"\1", quoted)
            challenges[-1].parameters[name.lower()] = value
    return challenges


class Authenticator:
    """Answers a server's challenges for one connection, and counts the nonce on (RFC 7616 section 3.4)."""

    def __init__(
        self, credentials: Credentials | None, *, make_nonce: Callable[[], str] = lambda: secrets.token_hex(8)
    ) -> None:
        """Hold the credentials; without any, every challenge fails."""
        self._credentials = credentials
        self._make_nonce = make_nonce
        self._challenge: Challenge | None = None
        self._proved = False
        self._count = 0

    def proved(self) -> None:
        """Note that the server took an answer: the credentials are right, whatever it says of a nonce later."""
        self._proved = True

    def accept(self, headers: Sequence[str]) -> bool:
        """Take the challenges of a 401; False if another try cannot help.

        It helps with a first challenge, and after that only with another nonce: if the server says that just the last
        one was stale, or has taken these credentials before (there are cameras that forget to say it).
        """
        best = self._choose(headers)
        if self._credentials is None or best is None:
            return False
        stale = best.parameters.get("stale", "").lower() == "true"
        fresh = self._challenge is None or (
            (stale or self._proved) and best.parameters.get("nonce") != self._challenge.parameters.get("nonce")
        )
        self._challenge = best
        self._count = 0
        return fresh

    def authorization(self, method: str, url: str) -> str | None:
        """Return the `Authorization` header for a request, or None while nothing was asked for."""
        if self._challenge is None or self._credentials is None:
            return None
        if self._challenge.scheme == "basic":
            pair = f"{self._credentials.username}:{self._credentials.password}"
            return "Basic " + base64.b64encode(pair.encode(errors="replace")).decode()
        return self._digest(self._challenge.parameters, self._credentials, method, url)

    def _choose(self, headers: Sequence[str]) -> Challenge | None:
        known = [one for header in headers for one in parse_challenges(header)]
        for algorithm, _ in _ALGORITHMS:
            for one in known:
                if one.scheme == "digest" and _algorithm(one.parameters) == algorithm:
                    return one
        return next((one for one in known if one.scheme == "basic"), None)

    def _digest(self, asked: dict[str, str], who: Credentials, method: str, url: str) -> str:
        algorithm = _algorithm(asked)
        name = dict(_ALGORITHMS)[algorithm]

        def hashed(text: str) -> str:
            return hashlib.new(name, text.encode(errors="replace"), usedforsecurity=False).hexdigest()

        realm, nonce = asked.get("realm", ""), asked.get("nonce", "")
        cnonce = self._make_nonce()
        secret = hashed(f"{who.username}:{realm}:{who.password}")
        if algorithm.endswith("-SESS"):
            secret = hashed(f"{secret}:{nonce}:{cnonce}")
        action = hashed(f"{method}:{url}")
        fields = [
            f'username="{_quoted(who.username)}"',
            f'realm="{_quoted(realm)}"',
            f'nonce="{_quoted(nonce)}"',
            f'uri="{url}"',
        ]
        if "auth" in [one.strip() for one in asked.get("qop", "").split(",")]:
            self._count += 1
            count = f"{self._count:08x}"
            response = hashed(f"{secret}:{nonce}:{count}:{cnonce}:auth:{action}")
            fields += [f'response="{response}"', "qop=auth", f"nc={count}", f'cnonce="{cnonce}"']
        else:
            fields.append(f'response="{hashed(f"{secret}:{nonce}:{action}")}"')
            if algorithm.endswith("-SESS"):
                fields.append(f'cnonce="{cnonce}"')
        if asked.get("algorithm"):
            fields.append(f"algorithm={asked['algorithm']}")
        if "opaque" in asked:
            fields.append(f'opaque="{_quoted(asked["opaque"])}"')
        return "Digest " + ", ".join(fields)


def _algorithm(asked: dict[str, str]) -> str:
    return (asked.get("algorithm") or "MD5").upper()


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
