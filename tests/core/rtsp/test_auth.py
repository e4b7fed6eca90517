"""Digest and Basic: held against the examples of the RFCs and against a second calculation."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
from hypothesis import given, settings, strategies as st

from recorder_core.rtsp.auth import Authenticator, Credentials, parse_challenges

MUFASA = Credentials("Mufasa", "Circle Of Life")


def _fields(header: str | None) -> dict[str, str]:
    assert header is not None
    assert header.startswith("Digest ")
    return {key: quoted or bare for key, quoted, bare in re.findall(r'(\w+)=(?:"([^"]*)"|([^,\s]+))', header)}


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def test_example_of_rfc_2617() -> None:
    """Section 3.5."""
    one = Authenticator(MUFASA, make_nonce=lambda: "0a4f113b")
    nonce, opaque = "dcd98b7102dd2f0e8b11d0f600bfb0c093", "5ccc069c403ebaf9f0171e9517f40e41"
    asked = 'Digest realm="testrealm@host.com", qop="auth,auth-int"'
    assert one.accept([f'{asked}, nonce="{nonce}", opaque="{opaque}"'])
    # The example's client has chosen `auth` and counts from 1.
    assert _fields(one.authorization("GET", "/dir/index.html"))["response"] == "6629fae49393a05397450978507c4ef1"


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_examples_of_rfc_7616(algorithm: str, response: str) -> None:
    """Section 3.9.1."""
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    one = Authenticator(Credentials("Mufasa", "Circle of Life"), make_nonce=lambda: cnonce)
    nonce, opaque = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
    asked = f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}'
    assert one.accept([f'{asked}, nonce="{nonce}", opaque="{opaque}"'])
    fields = _fields(one.authorization("GET", "/dir/index.html"))
    assert fields["response"] == response
    assert (fields["qop"], fields["nc"], fields["cnonce"]) == ("auth", "00000001", cnonce)
    assert fields["opaque"] == opaque
    assert fields["algorithm"] == algorithm


def test_without_qop() -> None:
    """RFC 2069, as most cameras still ask."""
    one = Authenticator(Credentials("admin", "12345"))
    assert one.accept(['Digest realm="IP Camera", nonce="abc"'])
    fields = _fields(one.authorization("DESCRIBE", "rtsp://h/1"))
    secret = _md5("admin:IP Camera:12345")
    action = _md5("DESCRIBE:rtsp://h/1")
    assert fields["response"] == _md5(f"{secret}:abc:{action}")
    assert not {"qop", "nc", "cnonce", "algorithm", "opaque"} & fields.keys()


@pytest.mark.parametrize("qop", [True, False])
@pytest.mark.parametrize(("algorithm", "name"), [("MD5-sess", "md5"), ("SHA-256-sess", "sha256")])
def test_session_algorithms(algorithm: str, name: str, *, qop: bool) -> None:
    one = Authenticator(Credentials("u", "p"), make_nonce=lambda: "cn")
    assert one.accept([f'Digest realm="r", nonce="n", algorithm={algorithm}' + (', qop="auth"' if qop else "")])
    fields = _fields(one.authorization("PLAY", "rtsp://h/"))

    def hashed(text: str) -> str:
        return hashlib.new(name, text.encode()).hexdigest()

    secret = hashed(hashed("u:r:p") + ":n:cn")
    middle = "n:00000001:cn:auth" if qop else "n"
    assert fields["response"] == hashed(f"{secret}:{middle}:{hashed('PLAY:rtsp://h/')}")
    assert fields["cnonce"] == "cn"


def test_the_count_grows_and_begins_anew_with_a_nonce() -> None:
    one = Authenticator(MUFASA)
    assert one.accept(['Digest realm="r", nonce="1", qop=auth'])
    counts = [_fields(one.authorization("OPTIONS", "*"))["nc"] for _ in range(3)]
    assert counts == ["00000001", "00000002", "00000003"]
    assert one.accept(['Digest realm="r", nonce="2", qop=auth, stale=TRUE'])
    assert _fields(one.authorization("OPTIONS", "*"))["nc"] == "00000001"


def test_the_own_nonce_is_a_new_one_each_time() -> None:
    one = Authenticator(MUFASA)
    assert one.accept(['Digest realm="r", nonce="1", qop=auth'])
    assert len({_fields(one.authorization("OPTIONS", "*"))["cnonce"] for _ in range(20)}) == 20


def test_another_try_helps_only_against_a_stale_nonce() -> None:
    one = Authenticator(MUFASA)
    assert one.accept(['Digest realm="r", nonce="1"'])
    assert not one.accept(['Digest realm="r", nonce="2"'])
    assert not one.accept(['Digest realm="r", nonce="2", stale=true'])
    assert one.accept(['Digest realm="r", nonce="3", stale=true'])


def test_credentials_that_were_taken_once_are_worth_another_try_with_another_nonce() -> None:
    """Some cameras renew a nonce without a word; a wrong password is still tried once only."""
    one = Authenticator(MUFASA)
    assert one.accept(['Digest realm="r", nonce="1"'])
    one.proved()
    assert not one.accept(['Digest realm="r", nonce="1"'])
    assert one.accept(['Digest realm="r", nonce="2"'])


def test_an_algorithm_without_a_name_is_md5() -> None:
    one = Authenticator(Credentials("u", "p"))
    assert one.accept(['Digest realm="r", nonce="n", algorithm=""'])
    fields = _fields(one.authorization("PLAY", "*"))
    assert fields["response"] == _md5(f"{_md5('u:r:p')}:n:{_md5('PLAY:*')}")
    assert "algorithm" not in fields


def test_without_credentials_or_a_known_challenge_nothing_helps() -> None:
    assert not Authenticator(None).accept(['Basic realm="r"'])
    assert Authenticator(None).authorization("OPTIONS", "*") is None
    for header in ("", "Negotiate", 'Digest realm="r", nonce="1", algorithm=SHA-512-256', "=,=", '"'):
        one = Authenticator(MUFASA)
        assert not one.accept([header])
        assert one.authorization("OPTIONS", "*") is None
    assert not Authenticator(MUFASA).accept([])


def test_basic() -> None:
    one = Authenticator(Credentials("Jürgen", "a:b"))
    assert one.accept(["basic"])
    header = one.authorization("OPTIONS", "*")
    assert header is not None
    assert base64.b64decode(header.removeprefix("Basic ")).decode() == "Jürgen:a:b"


@pytest.mark.parametrize(
    "headers",
    [
        ['Basic realm="b"', 'Digest realm="d", nonce="1"', 'Digest realm="d", nonce="2", algorithm=SHA-256'],
        ['Digest realm="d", nonce="2", algorithm=SHA-256, Basic realm="b", Digest realm="d", nonce="1"'],
        ['Basic realm="b", Digest realm="d", nonce="1", Digest algorithm="sha-256" , realm = "d",nonce=2'],
    ],
)
def test_the_strongest_of_several_is_taken(headers: list[str]) -> None:
    """In headers of their own or in one (RFC 7235 section 4.1)."""
    one = Authenticator(MUFASA)
    assert one.accept(headers)
    fields = _fields(one.authorization("OPTIONS", "*"))
    assert (fields["realm"], fields["nonce"], len(fields["response"])) == ("d", "2", 64)


def test_quotes_and_backslashes_in_values() -> None:
    (challenge,) = parse_challenges(r'Digest realm="say \"hi\" \\ there", nonce="a, b=c"')
    assert challenge.parameters == {"realm": 'say "hi" \\ there', "nonce": "a, b=c"}
    one = Authenticator(Credentials('q"\\', "p"))
    assert one.accept([r'Digest realm="say \"hi\"", nonce="n"'])
    header = one.authorization("OPTIONS", "*")
    assert header is not None
    assert r'username="q\"\\"' in header
    assert r'realm="say \"hi\""' in header


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.text(max_size=60) | st.text(alphabet='Digest realm="x",nonce\\= \t', max_size=60), max_size=3),
    st.text(max_size=9),
)
def test_any_challenge_is_taken_or_not(headers: list[str], url: str) -> None:
    one = Authenticator(MUFASA)
    if one.accept(headers):
        header = one.authorization("OPTIONS", url)
        assert header is not None
        assert "Circle Of Life" not in header
    else:
        assert one.authorization("OPTIONS", url) is None


@pytest.mark.parametrize("challenge", ["Basic", 'Digest realm="r", nonce="n"'])
def test_a_password_that_cannot_be_written_is_a_wrong_one(challenge: str) -> None:
    """Half a surrogate pair, as JSON may bring it."""
    one = Authenticator(Credentials("u", "p\ud800"))
    assert one.accept([challenge])
    assert one.authorization("OPTIONS", "*") is not None


def test_the_password_shows_nowhere() -> None:
    assert "Circle" not in repr(MUFASA)
