"""The planted mistakes: each still has its place in the code, and the judge tells the caught from the surviving."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from script.tools.mutate import ROOT, Outcome, judge, plant
from script.tools.mutations import MUTATIONS, Mutation

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a project of one function and one test."""
    (tmp_path / "double.py").write_text("def double(number):\n    return number * 2\n")
    (tmp_path / "test_double.py").write_text("from double import double\n\ndef test_it():\n    assert double(2) == 4\n")
    return tmp_path


def _mutation(replacement: str, *, text: str = "number * 2", tests: str = "test_double.py") -> Mutation:
    return Mutation("double.py", text, replacement, "", (tests,))


@pytest.mark.parametrize(
    ("mutation", "outcome"),
    [
        pytest.param(_mutation("number * 3"), Outcome.CAUGHT, id="caught"),
        pytest.param(_mutation("number + 2"), Outcome.SURVIVED, id="survives"),
        pytest.param(_mutation("number *"), Outcome.UNUSABLE, id="no program any more"),
        pytest.param(_mutation("number * 3", text="number"), Outcome.UNUSABLE, id="stands there twice"),
        pytest.param(_mutation("number * 3", text="digit"), Outcome.UNUSABLE, id="stands nowhere"),
        pytest.param(_mutation("number * 3", tests="test_none.py"), Outcome.UNUSABLE, id="no such test"),
    ],
)
def test_judges_and_leaves_the_checkout_as_it_was(checkout: Path, mutation: Mutation, outcome: Outcome) -> None:
    """Only a test that fails counts as one that has caught something."""
    before = (checkout / "double.py").read_text()
    assert judge(checkout, mutation).outcome is outcome
    assert (checkout / "double.py").read_text() == before


def test_there_are_some_in_every_part_that_evidence_depends_on() -> None:
    parts = {mutation.path.split("/")[1] for mutation in MUTATIONS}
    assert len(set(MUTATIONS)) == len(MUTATIONS)
    packages = {"capture", "rtp", "rtsp", "mp4", "storage", "service", "export", "decoder", "library_surveillance"}
    assert parts == packages | {"merkle.py", "ledger_chain.py"}


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.mistake)
def test_each_has_its_place_and_its_tests(tmp_path: Path, mutation: Mutation) -> None:
    """Where the code changes, the table follows."""
    copy = tmp_path / mutation.path
    copy.parent.mkdir(parents=True)
    copy.write_text((ROOT / mutation.path).read_text())
    plant(tmp_path, mutation)
    assert copy.read_text() != (ROOT / mutation.path).read_text()
    if copy.suffix == ".py":
        compile(copy.read_text(), copy, "exec")
    assert all((ROOT / test).exists() for test in mutation.tests)
