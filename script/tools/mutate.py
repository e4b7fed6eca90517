"""Plants known mistakes one by one in a copy of the checkout, and shows that the tests named beside each catch it.

It fails where a mistake survives, where the text to change is not found exactly once, and where the tests fail
without any mistake.
"""

from __future__ import annotations

import argparse
import queue
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from .mutations import MUTATIONS, Mutation

ROOT: Final = Path(__file__).resolve().parents[2]
WORKERS: Final = 2
LIMIT_S: Final = 900
_COPIED: Final = (
    "recorder_core",
    "custom_components",
    "script",
    "tests",
    "docs",
    "blueprints",
    "pyproject.toml",
    "LICENSE",
)
_NEEDING_HOME_ASSISTANT: Final = "tests/integration"
_TESTS_FAILED: Final = 1
"""Exit code of pytest; every other one but 0 means that it could not even run them."""


class Outcome(Enum):
    """What came of a mutation."""

    CAUGHT = "caught"
    SURVIVED = "SURVIVED"
    UNUSABLE = "UNUSABLE"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One mutation's outcome, and what pytest or the search said of it."""

    mutation: Mutation
    outcome: Outcome
    words: str
    seconds: float


def copy_checkout(target: Path) -> None:
    """Copy what the tests need."""
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


def plant(checkout: Path, mutation: Mutation) -> str:
    """Change the text and return the file as it was. Raises `ValueError` where it does not stand there exactly once."""
    path = checkout / mutation.path
    original = path.read_text()
    if (count := original.count(mutation.text)) != 1:
        raise ValueError(f"the text stands {count} times in {mutation.path}")
    path.write_text(original.replace(mutation.text, mutation.replacement))
    return original


def judge(checkout: Path, mutation: Mutation) -> Verdict:
    """Plant a mutation, run its tests, and take it out again."""
    began = time.monotonic()
    try:
        original = plant(checkout, mutation)
    except ValueError as error:
        return Verdict(mutation, Outcome.UNUSABLE, str(error), 0)
    try:
        code, words = run_tests(checkout, mutation.tests)
    finally:
        (checkout / mutation.path).write_text(original)
    outcome = {0: Outcome.SURVIVED, _TESTS_FAILED: Outcome.CAUGHT}.get(code, Outcome.UNUSABLE)
    return Verdict(mutation, outcome, words, time.monotonic() - began)


def run_tests(checkout: Path, tests: tuple[str, ...]) -> tuple[int, str]:
    """Run tests up to the first failure; return pytest's exit code and its last words."""
    options = ["-x", "-q", "-p", "no:cacheprovider", "--timeout", "60"]
    if not any(test.startswith(_NEEDING_HOME_ASSISTANT) for test in tests):  # its test package takes seconds to load
        options += ["-p", "no:homeassistant"]
    command = [sys.executable, "-B", "-m", "pytest", *options, *tests]
    try:
        answer = subprocess.run(
            command,
            cwd=checkout,
            check=False,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return _TESTS_FAILED, "the tests did not end"
    lines = [line for line in answer.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return answer.returncode, (lines or answer.stdout.splitlines() or [answer.stderr])[-1]


def main() -> int:
    """Judge all mutations, two at a time, and report."""
    parser = argparse.ArgumentParser(prog="script/mutate", description=__doc__)
    parser.add_argument("numbers", nargs="*", type=int, help="which mutations, by their number from 1 (all)")
    arguments = parser.parse_args()
    chosen = [MUTATIONS[number - 1] for number in arguments.numbers] or list(MUTATIONS)
    with tempfile.TemporaryDirectory(prefix="mutate-") as folder:
        free: queue.SimpleQueue[Path] = queue.SimpleQueue()
        for number in range(WORKERS):
            checkout = Path(folder) / str(number)
            checkout.mkdir()
            copy_checkout(checkout)
            free.put(checkout)

        def with_checkout(mutation: Mutation) -> Verdict:
            checkout = free.get()
            try:
                return judge(checkout, mutation)
            finally:
                free.put(checkout)

        print("Running the tests without any mutation …", flush=True)
        code, words = run_tests(Path(folder) / "0", tuple(sorted({test for one in chosen for test in one.tests})))
        if code != 0:
            print(f"The tests fail as they are: {words}")
            return 1
        verdicts = []
        with ThreadPoolExecutor(WORKERS) as workers:
            for verdict in workers.map(with_checkout, chosen):
                verdicts.append(verdict)
                number = MUTATIONS.index(verdict.mutation) + 1
                print(
                    f"{number:>2}  {verdict.outcome.value:<8}  {verdict.seconds:4.0f} s  {verdict.mutation.path}: "
                    f"{verdict.mutation.mistake}",
                    flush=True,
                )
                if verdict.outcome is not Outcome.CAUGHT:
                    print(f"    {verdict.words}", flush=True)
    caught = sum(verdict.outcome is Outcome.CAUGHT for verdict in verdicts)
    print(f"The tests caught {caught} of {len(verdicts)} planted mistakes.")
    return 0 if caught == len(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
