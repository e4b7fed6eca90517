"""Merkle trees as in RFC 6962 section 2.1, over SHA-256.

A leaf's hash is SHA-256(0x00 ‖ data), a node's SHA-256(0x01 ‖ left ‖ right); of n > 1 leaves the left part has the
largest power of two below n. Different first bytes keep a node from passing for a leaf. A leaf's audit path (section
2.1.1) shows that it is in a tree of known root and size, without any other leaf being shown.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LEAF = b"\0"
_NODE = b"\1"


def leaf_hash(data: bytes | memoryview) -> bytes:
    """Return the hash of a leaf with this data."""
    digest = hashlib.sha256(_LEAF)
    digest.update(data)
    return digest.digest()


class Frontier:
    """The root of a tree that grows leaf by leaf; costs one node's hash for each leaf and remembers log2(n) hashes."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        """Begin with these leaves' hashes."""
        self._count = 0
        # The roots of the whole subtrees that the leaves so far make up, the largest first: one for each bit of count.
        self._whole: list[bytes] = []
        for leaf in leaves:
            self.append(leaf)

    def append(self, leaf: bytes) -> None:
        """Put one leaf's hash at the end."""
        left = self._count
        self._count += 1
        while left & 1:
            leaf = _node(self._whole.pop(), leaf)
            left >>= 1
        self._whole.append(leaf)

    def root(self) -> bytes:
        """Return the root of all leaves so far; of none it is the SHA-256 of nothing."""
        if not self._whole:
            return hashlib.sha256().digest()
        *whole, root = self._whole
        while whole:
            root = _node(whole.pop(), root)
        return root


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root over leaves' hashes."""
    return Frontier(leaves).root()


def audit_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the hashes that lead from the leaf at `index` to the root over all `leaves` (hashes), the nearest first.

    Raises:
        IndexError: there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise IndexError(index)
    path = []
    begin, end = 0, len(leaves)
    while end - begin > 1:
        middle = begin + _left_part(end - begin)
        if index < middle:
            path.append(root_of(leaves[middle:end]))
            end = middle
        else:
            path.append(root_of(leaves[begin:middle]))
            begin = middle
    return path[::-1]


def root_from_path(leaf: bytes, index: int, count: int, path: Sequence[bytes]) -> bytes:
    """Return the root that a leaf's hash and its audit path give, in a tree of `count` leaves.

    Raises:
        ValueError: a tree of that size has no such leaf, or none with a path of that length.
    """
    if not 0 <= index < count:
        raise ValueError("There is no such leaf")
    sides = []
    while count > 1:
        middle = _left_part(count)
        sides.append(index < middle)
        index, count = (index, middle) if index < middle else (index - middle, count - middle)
    if len(path) != len(sides):
        raise ValueError("The path does not have the tree's length")
    root = leaf
    for other, is_left in zip(path, reversed(sides), strict=True):
        root = _node(root, other) if is_left else _node(other, root)
    return root


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(_NODE + left + right).digest()


def _left_part(count: int) -> int:
    """The largest power of two below `count`, which is more than 1."""
    return 1 << (count - 1).bit_length() - 1
