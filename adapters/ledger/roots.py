"""Roots: a tree grown anew, and its root held against every checkpoint on the way."""

from collections.abc import Sequence

from limen.adapters.ledger.merkle import Frontier, perfect_root
from limen.adapters.ledger.signatures import Marks
from limen.adapters.ledger.tile import HEIGHT, WIDTH


class Roots:
    """`held` is the largest size whose root is the one that was signed, `failed` are the sizes where it is another."""

    def __init__(self, marks: Marks) -> None:
        self._marks = marks
        self._frontier = Frontier()
        self._mark = 0
        self.held = 0
        self.failed: list[int] = []

    def push(self, hashes: Sequence[bytes]) -> bytes | None:
        """The next 256 leaves, or the last ones of all; gives the root of a full tile."""
        size = self._frontier.size
        following = self._marks.sizes[self._mark] if self._mark < len(self._marks.sizes) else size + WIDTH
        if len(hashes) == WIDTH and following >= size + WIDTH:
            root = perfect_root(hashes)
        else:
            root = self._one_by_one(size, hashes)
        if len(hashes) < WIDTH:
            return None
        self._frontier.push(root, HEIGHT)
        self._compare(self._frontier.size)
        return root

    def _one_by_one(self, size: int, hashes: Sequence[bytes]) -> bytes:
        inner = Frontier()
        for hash_ in hashes:
            inner.push(hash_)
            if inner.size < WIDTH:
                self._compare(size + inner.size, inner.peaks())
        return inner.root()

    def _compare(self, size: int, after: Sequence[bytes] = ()) -> None:
        sizes = self._marks.sizes
        while self._mark < len(sizes) and sizes[self._mark] <= size:
            if sizes[self._mark] == size and self._marks.root(self._mark) == self._frontier.root(*after):
                self.held = size
            else:
                self.failed.append(sizes[self._mark])
            self._mark += 1
