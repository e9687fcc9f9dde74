"""The tree: hashes, roots, and which subtrees prove what (RFC 9162, 2.1). Nothing here reads or writes.

A range is `(first, end)` of leaf indexes; its hash is that of the tree over these leaves alone.
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256

Range = tuple[int, int]

EMPTY = sha256().digest()
"""The root of a tree without leaves."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """The root over a power of two of hashes of one height."""
    while len(hashes) > 1:
        pair = iter(hashes)
        hashes = [sha256(b"\x01" + left + right).digest() for left, right in zip(pair, pair, strict=True)]
    return hashes[0]


def perfect_parts(first: int, end: int) -> Iterator[tuple[int, int]]:
    """The perfect subtrees a range falls into, from left to right: (height, first leaf).

    `first` must be where a subtree of the range's size begins, as it is for every range that occurs in a tree.
    """
    while first < end:
        height = (end - first).bit_length() - 1
        yield height, first
        first += 1 << height


def folded(parts: Sequence[bytes]) -> bytes:
    """The hash over neighbouring perfect subtrees, given from left to right and each smaller than the one before."""
    if not parts:
        return EMPTY
    *others, whole = parts
    for left in reversed(others):
        whole = node_hash(left, whole)
    return whole


class Frontier:
    """The right edge of a growing tree: all that is needed to go on and to say its root."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[tuple[int, bytes]] = []

    def push(self, hash_: bytes, height: int = 0) -> None:
        """Appends a perfect subtree of that height; the size so far must be a multiple of its own."""
        self.size += 1 << height
        while self._peaks and self._peaks[-1][0] == height:
            hash_ = node_hash(self._peaks.pop()[1], hash_)
            height += 1
        self._peaks.append((height, hash_))

    def root(self, *after: bytes) -> bytes:
        """The root, with smaller perfect subtrees `after` it where there are some."""
        return folded([*(peak for _, peak in self._peaks), *after])

    def peaks(self) -> list[bytes]:
        """The perfect subtrees so far, the largest first."""
        return [peak for _, peak in self._peaks]


# --------------------------------------------------------------------------------------------------------------- proofs


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """Whose hashes prove that a leaf is in the tree of a size, in the order of the proof (2.1.3.1)."""
    first, end = 0, size
    ranges: list[Range] = []
    while end - first > 1:
        middle = first + _split(end - first)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((first, middle))
            first = middle
    return ranges[::-1]


def consistency_ranges(old: int, new: int) -> list[Range]:
    """Whose hashes prove that a tree grew from another, in the order of the proof (2.1.4.1)."""
    if not 0 < old < new:
        return []
    first, end, whole = 0, new, True
    ranges: list[Range] = []
    while old < end:
        middle = first + _split(end - first)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((first, middle))
            first, whole = middle, False
    return [*([] if whole else [(first, end)]), *ranges[::-1]]


def inclusion_holds(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether a leaf's hash is in the tree with that root (2.1.3.2)."""
    if not 0 <= index < size:
        return False
    position, last, hash_ = index, size - 1, leaf
    for sibling in path:
        if not last:
            return False
        if position & 1 or position == last:
            hash_ = node_hash(sibling, hash_)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            hash_ = node_hash(hash_, sibling)
        position, last = position >> 1, last >> 1
    return not last and hash_ == root


def consistency_holds(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether the tree of the new root begins with that of the old one (2.1.4.2)."""
    if not 0 <= old <= new:
        return False
    if old == new or not old:
        return not path and (old_root == new_root if old == new else old_root == EMPTY)
    hashes = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not hashes:
        return False
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    before = after = hashes[0]
    for hash_ in hashes[1:]:
        if not last:
            return False
        if position & 1 or position == last:
            before, after = node_hash(hash_, before), node_hash(hash_, after)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            after = node_hash(after, hash_)
        position, last = position >> 1, last >> 1
    return not last and before == old_root and after == new_root


def _split(width: int) -> int:
    """The largest power of two below a width."""
    return int(1 << ((width - 1).bit_length() - 1))
