"""The tree as it is stored: any subtree of it from a few tiles, and what a growing one adds."""

from limen.adapters.ledger.merkle import Range, folded, perfect_parts, perfect_root
from limen.adapters.ledger.page import Page
from limen.adapters.ledger.tables import LedgerTables, NodeTile, size_of
from limen.adapters.ledger.tile import HASH, HEIGHT, WIDTH, LeafTile, split
from limen.domain.errors import LedgerBroken

_LEVELS = 8
"""More than any log fills: 256 ** 8 events."""


class Tree:
    """Reads each tile once: to be made anew for each question."""

    def __init__(self, tables: LedgerTables) -> None:
        self._tables = tables
        self._tiles: dict[tuple[int, int], bytes] = {}

    def root(self, size: int) -> bytes:
        """The root of the tree when it had so many leaves."""
        return self.over((0, size))

    def over(self, leaves: Range) -> bytes:
        """The hash over a range of leaves, as it occurs in the tree. Raises `LedgerBroken` where a hash is missing."""
        return folded([self._subtree(height, first) for height, first in perfect_parts(*leaves)])

    def leaf(self, index: int) -> bytes:
        """The hash of a leaf."""
        return self._subtree(0, index)

    def _subtree(self, height: int, first: int) -> bytes:
        level, below = divmod(height, HEIGHT)
        number, place = divmod(first >> (level * HEIGHT), WIDTH)
        hashes = self._tile(level, number)[place * HASH : (place + (1 << below)) * HASH]
        if len(hashes) != HASH << below:
            raise LedgerBroken("hashes of the ledger are missing; limen audit verify says which")
        return perfect_root(split(hashes))

    def _tile(self, level: int, number: int) -> bytes:
        if (level, number) not in self._tiles:
            if level:
                self._tiles[level, number] = self._tables.node_tile(level, number)
            else:
                leaves = self._tables.leaf_tile(number)
                self._tiles[level, number] = leaves.hashes if leaves is not None else b""
        return self._tiles[level, number]


class Growth:
    """Events added to the end of a tree, not stored yet."""

    def __init__(self, tables: LedgerTables) -> None:
        last = tables.leaf_tile()
        if last is not None and not last.sound:
            raise LedgerBroken("the last leaves of the ledger are damaged; limen audit verify says more")
        self.base = self.size = size_of(last)
        self.position: int | None = None if last is None else last.last
        self.leaves: list[LeafTile] = []
        self._open = Page()
        if last is not None and last.count < WIDTH:
            self._open = _page(last)
        self._nodes: dict[int, bytes] = {}
        for level in range(1, _LEVELS):
            count = (self.size >> (level * HEIGHT)) % WIDTH
            stored = tables.node_tile(level, self.size >> ((level + 1) * HEIGHT)) if count else b""
            if len(stored) < count * HASH:
                raise LedgerBroken("nodes of the ledger are missing; limen audit verify says which")
            self._nodes[level] = stored[: count * HASH]
        self._changed: dict[tuple[int, int], bytes] = {}

    def add(self, page: Page) -> None:
        """Takes in events that follow those there are."""
        done = 0
        while done < len(page):
            some = page.part(done, done + WIDTH - len(self._open))
            self._open.extend(some)
            done += len(some)
            self.size += len(some)
            if len(self._open) == WIDTH:
                self.leaves.append(self._open.tile((self.size - 1) // WIDTH))
                self._rise(1, perfect_root(self._open.hashes))
                self._open = Page()
        if len(page):
            self.position = page.positions[-1]

    def _rise(self, level: int, root: bytes) -> None:
        """A tile is full: its root is one more hash of the level above."""
        number = ((self.size >> (level * HEIGHT)) - 1) // WIDTH
        self._nodes[level] += root
        self._changed[level, number] = self._nodes[level]
        if len(self._nodes[level]) == WIDTH * HASH:
            self._nodes[level] = b""
            self._rise(level + 1, perfect_root(split(self._changed[level, number])))

    @property
    def tiles(self) -> list[LeafTile]:
        """The tiles of leaves that are new or longer now."""
        return [*self.leaves, *([self._open.tile(self.size // WIDTH)] if len(self._open) else [])]

    @property
    def nodes(self) -> list[NodeTile]:
        """The same of nodes."""
        return [(level, number, hashes) for (level, number), hashes in self._changed.items()]


def _page(tile: LeafTile) -> Page:
    leaves = list(tile.leaves())
    return Page(
        [leaf.hash for leaf in leaves],
        [leaf.position for leaf in leaves],
        [leaf.stream for leaf in leaves],
        [leaf.version for leaf in leaves],
    )
