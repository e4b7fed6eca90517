"""Throws mutated input at the recorder's parsers: none may raise what its callers do not expect, or hang.

Every case has its own seed, so that a find can be had again: `script/fuzz --seed S --case N TARGET`.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
import traceback
from typing import TYPE_CHECKING, Final

from .fuzz_targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable

    from .fuzz_targets import Target

HANG_S: Final = 5
MAX_CHANGES: Final = 8
_TELLING: Final = (
    b"\x00",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"$",
    b"\r\n",
    b"\r\n\r\n",
    b"\x00\x00\x00\x01",
    b"\xff\xff\xff\xff",
)
"""Bytes that end things, begin things, or are the least and greatest of their kind."""


class HangError(Exception):
    """A case took longer than any input of its size may."""


def mutate(chance: random.Random, example: bytes) -> bytes:
    """Return the example with a few changes."""
    data = bytearray(example)
    for _ in range(chance.randint(1, MAX_CHANGES)):
        chance.choice(_CHANGES)(chance, data)
    return bytes(data)


def run_case(target: Target, seed: int, case: int) -> str | None:
    """Run one case and return the traceback of what it found, or None."""
    # A seed of its own for each case; nothing here is a secret.
    chance = random.Random(f"{seed}/{target.name}/{case}")  # noqa: S311
    data = mutate(chance, chance.choice(target.examples))
    signal.alarm(HANG_S)
    try:
        target.run(data)
    except target.may_raise:
        return None
    except Exception:  # noqa: BLE001 - whatever it is, it is the find
        return f"{traceback.format_exc()}input: {data.hex()}"
    finally:
        signal.alarm(0)
    return None


def _change_byte(chance: random.Random, data: bytearray) -> None:
    if data:
        data[chance.randrange(len(data))] = chance.randrange(256)


def _flip_bit(chance: random.Random, data: bytearray) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _insert(chance: random.Random, data: bytearray) -> None:
    at = chance.randint(0, len(data))
    data[at:at] = chance.choice(_TELLING)


def _overwrite(chance: random.Random, data: bytearray) -> None:
    at = chance.randint(0, len(data))
    piece = chance.choice(_TELLING)
    data[at : at + len(piece)] = piece


def _cut(chance: random.Random, data: bytearray) -> None:
    at = chance.randint(0, len(data))
    del data[at : at + chance.randint(0, 40)]


def _end(chance: random.Random, data: bytearray) -> None:
    del data[chance.randint(0, len(data)) :]


def _repeat(chance: random.Random, data: bytearray) -> None:
    at, size = chance.randint(0, len(data)), chance.randint(1, 200)
    data[at:at] = data[at : at + size]


_CHANGES: Final[tuple[Callable[[random.Random, bytearray], None], ...]] = (
    *(_change_byte, _flip_bit, _insert, _overwrite, _cut, _end, _repeat),
)


def main() -> int:
    """Give each target its share of the time, and report."""
    names = {target.name: target for target in TARGETS}
    parser = argparse.ArgumentParser(prog="script/fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"which (all): {', '.join(names)}")
    parser.add_argument("--seconds", type=float, default=30, help="how long, all targets together (30)")
    parser.add_argument("--seed", type=int, default=None, help="the run's seed (a new one)")
    parser.add_argument("--case", type=int, default=None, help="run only this case")
    arguments = parser.parse_args()
    if unknown := set(arguments.targets) - set(names):
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    seed = random.SystemRandom().randrange(2**32) if arguments.seed is None else arguments.seed
    print(f"seed {seed}", flush=True)

    def hang(*_: object) -> None:
        raise HangError

    signal.signal(signal.SIGALRM, hang)
    chosen = [names[name] for name in arguments.targets] or list(TARGETS)
    finds = 0
    for target in chosen:
        deadline = time.monotonic() + arguments.seconds / len(chosen)
        case = arguments.case or 0
        find = None
        while find is None and (
            case == (arguments.case or 0) or (arguments.case is None and time.monotonic() < deadline)
        ):
            find = run_case(target, seed, case)
            case += 1
        finds += find is not None
        verdict = "held" if find is None else f"FOUND at --seed {seed} --case {case - 1} {target.name}\n{find}"
        print(f"{target.name}: {case - (arguments.case or 0)} cases, {verdict}", flush=True)
    return 1 if finds else 0


if __name__ == "__main__":
    sys.exit(main())
