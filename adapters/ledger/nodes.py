"""Nodes: the stored inner hashes, from which proofs are made, held against those the leaves give."""

from limen.adapters.ledger.fault import Fault
from limen.adapters.ledger.merkle import perfect_root
from limen.adapters.ledger.tables import LedgerTables
from limen.adapters.ledger.tile import WIDTH, split


class NodeCheck:
    """Takes the roots of full tiles of leaves, in order."""

    def __init__(self, tables: LedgerTables) -> None:
        self._tables = tables
        self._open: dict[int, list[bytes]] = {}
        self._numbers: dict[int, int] = {}
        self.faults: list[Fault] = []

    def push(self, root: bytes, level: int = 1) -> None:
        """The root of a tile is a hash of the level above."""
        hashes = self._open.setdefault(level, [])
        hashes.append(root)
        if len(hashes) == WIDTH:
            self._compare(level)
            self._open[level] = []
            self._numbers[level] = self._numbers.get(level, 0) + 1
            self.push(perfect_root(hashes), level + 1)

    def finish(self) -> None:
        """Compares what has not filled a tile; there may be more in the table by now."""
        for level in self._open:
            self._compare(level)

    def _compare(self, level: int) -> None:
        number, hashes = self._numbers.get(level, 0), self._open[level]
        stored = split(self._tables.node_tile(level, number))[: len(hashes)]
        wrong = next((n for n, hash_ in enumerate(hashes) if n >= len(stored) or stored[n] != hash_), None)
        if wrong is not None:
            node = number * WIDTH + wrong
            self.faults.append(Fault("node", detail=f"node {node} of level {level} is not what the leaves give"))
