"""Merkle trees: the numbers of RFC 6962's own implementations, and the definition written out, for every tree."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, strategies as st

from recorder_core.merkle import Frontier, audit_path, leaf_hash, root_from_path, root_of

DATA = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
DATA.append(bytes(range(0x60, 0x70)))
"""The leaves of the test vectors of Certificate Transparency."""

ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
"""The roots of the first one to eight of them."""

leaves = st.lists(st.binary(min_size=32, max_size=32), max_size=70)


def _naive(hashes: list[bytes]) -> bytes:
    """Section 2.1, word for word."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = max(1 << n for n in range(7) if 1 << n < len(hashes))
    return hashlib.sha256(b"\x01" + _naive(hashes[:k]) + _naive(hashes[k:])).digest()


def _naive_path(m: int, hashes: list[bytes]) -> list[bytes]:
    """Section 2.1.1, word for word."""
    if len(hashes) == 1:
        return []
    k = max(1 << n for n in range(7) if 1 << n < len(hashes))
    if m < k:
        return [*_naive_path(m, hashes[:k]), _naive(hashes[k:])]
    return [*_naive_path(m - k, hashes[k:]), _naive(hashes[:k])]


def test_the_known_vectors() -> None:
    """Of no leaf, and of one to eight."""
    assert root_of([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    hashes = [leaf_hash(data) for data in DATA]
    assert tuple(root_of(hashes[: count + 1]).hex() for count in range(8)) == ROOTS


@given(leaves)
def test_a_tree_that_grows_is_the_tree_at_once(hashes: list[bytes]) -> None:
    """After every leaf."""
    frontier = Frontier()
    for count, leaf in enumerate(hashes):
        assert frontier.root() == _naive(hashes[:count])
        frontier.append(leaf)
    assert frontier.root() == _naive(hashes) == root_of(hashes)


@given(leaves.filter(bool), st.data())
def test_a_path_leads_to_the_root_and_nowhere_else(hashes: list[bytes], data: st.DataObject) -> None:
    """From its own leaf, place and size; from another leaf, or with one bit turned, to something else."""
    index = data.draw(st.integers(0, len(hashes) - 1))
    path = audit_path(hashes, index)
    assert path == _naive_path(index, hashes)
    root = root_of(hashes)
    assert root_from_path(hashes[index], index, len(hashes), path) == root
    assert root_from_path(bytes([hashes[index][0] ^ 1]) + hashes[index][1:], index, len(hashes), path) != root
    for place in range(len(path)):
        turned = [*path]
        turned[place] = bytes([turned[place][0] ^ 1]) + turned[place][1:]
        assert root_from_path(hashes[index], index, len(hashes), turned) != root


@pytest.mark.parametrize(("index", "count", "length"), [(-1, 3, 2), (3, 3, 2), (0, 0, 0), (0, 3, 1), (2, 3, 2)])
def test_what_fits_no_tree_is_refused(index: int, count: int, length: int) -> None:
    """A leaf outside, and a path too short or too long."""
    with pytest.raises(ValueError, match=r"There is no such leaf|does not have the tree's length"):
        root_from_path(bytes(32), index, count, [bytes(32)] * length)


@pytest.mark.parametrize("index", [-1, 3])
def test_there_is_no_path_from_outside(index: int) -> None:
    """A negative index does not count from the end."""
    with pytest.raises(IndexError):
        audit_path([bytes(32)] * 3, index)
