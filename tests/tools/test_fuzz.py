"""The fuzzer: it finds what is there, says how to have it again, and runs over every parser."""

from __future__ import annotations

import random
import time

import pytest

from script.tools import fuzz
from script.tools.fuzz_targets import TARGETS, Target


def _reads_a_length_blindly(data: bytes) -> None:
    data[data[0]]


def test_finds_a_parser_that_trusts_a_length() -> None:
    """A short search is enough for the mistake that parsers make most."""
    target = Target("careless", (b"\x02ab",), _reads_a_length_blindly)
    finds = [(case, find) for case in range(100) if (find := fuzz.run_case(target, 1, case)) is not None]
    assert finds
    case, find = finds[0]
    assert "IndexError" in find
    assert fuzz.run_case(target, 1, case) == find


def test_finds_a_parser_that_hangs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Time without end is a find like any other."""
    monkeypatch.setattr(fuzz, "HANG_S", 1)
    monkeypatch.setattr(fuzz, "TARGETS", (Target("endless", (b"x",), lambda _: time.sleep(60)),))
    monkeypatch.setattr("sys.argv", ["fuzz", "--seed", "5", "--seconds", "1"])
    assert fuzz.main() == 1
    assert "FOUND at --seed 5 --case 0 endless" in capsys.readouterr().out


def test_an_expected_error_is_no_find() -> None:
    """A parser may refuse its input in the words that its callers know."""
    target = Target("strict", (b"ab",), lambda data: data.decode("ascii"), (UnicodeDecodeError,))
    assert [fuzz.run_case(target, 1, case) for case in range(50)] == [None] * 50


def test_examples_are_changed_and_survive() -> None:
    """A case changes its own copy."""
    example = b"RTSP/1.0 200 OK"
    assert len({fuzz.mutate(random.Random(seed), example) for seed in range(50)}) > 40
    assert example == b"RTSP/1.0 200 OK"


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_every_parser_takes_its_example(target: Target) -> None:
    """What the mutations start from is valid, else they would all fail at the first byte."""
    for example in target.examples:
        target.run(example)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_every_parser_holds_for_a_while(target: Target) -> None:
    """The same few hundred cases each time; `script/fuzz` has as many as one has patience."""
    assert [find for case in range(300) if (find := fuzz.run_case(target, 0, case)) is not None] == []
