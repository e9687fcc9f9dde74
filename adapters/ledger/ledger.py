"""Ledger: seals what was appended, signs what is sealed, and proves it. Each method blocks while it reads or writes."""

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from types import TracebackType
from typing import Self
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from limen.adapters.ledger.checkpoint import Checkpoint
from limen.adapters.ledger.entry import EventRow, entry
from limen.adapters.ledger.merkle import consistency_ranges, inclusion_ranges, leaf_hash
from limen.adapters.ledger.note import NoteInvalid, Signer
from limen.adapters.ledger.page import Page
from limen.adapters.ledger.proof import Document, consistency, inclusion
from limen.adapters.ledger.tables import LOWEST, CheckpointRow, LedgerTables, size_of
from limen.adapters.ledger.tree import Growth, Tree
from limen.domain.errors import LedgerBroken, NotInLedger

PAGE_EVENTS = 128
"""Events read and hashed at a time: where this runs in the loop of an engine, each page holds that up."""

KEPT_EVENTS = 4096
"""Events written in one transaction, at most."""

Progress = Callable[[int, int], None]
"""Called with the number of events done and of those there are."""


class Ledger:
    """The ledger of one log. Made by `open_ledger`; a context manager. One thread at a time may use it."""

    def __init__(self, tables: LedgerTables, *closing: Callable[[], None]) -> None:
        self.tables = tables
        self._closing = (tables.close, *closing)

    # -- sealing

    def waiting(self) -> int:
        """Events that are not hashed and signed yet, roughly: positions may have gaps."""
        last, signed = self.tables.leaf_tile(), self.tables.checkpoint()
        unsigned = size_of(last) - (signed.size if signed is not None else 0)
        return max(self.tables.head() - (last.last if last is not None else 0), 0) + max(unsigned, 0)

    def begin(self) -> Growth:
        """What is to be sealed next, empty still. Raises `LedgerBroken`."""
        return Growth(self.tables)

    def read(self, growth: Growth, limit: int = PAGE_EVENTS) -> int:
        """Reads and hashes the next events; says how many there were."""
        start = LOWEST if growth.position is None else growth.position + 1
        page = Page.of(self.tables.events(start, limit))
        growth.add(page)
        return len(page)

    def keep(self, growth: Growth) -> bool:
        """Stores hashes and position in one transaction; False where somebody else was first: begin anew then."""
        return growth.size == growth.base or self.tables.keep(growth.base, growth.tiles, growth.nodes)

    def seal(self, progress: Progress | None = None) -> int:
        """Hashes all that has been appended; says how many events are sealed now. Creates the tables."""
        self.tables.prepare()
        there = self.tables.count(LOWEST) if progress is not None else 0
        while True:
            growth = self.begin()
            while growth.size - growth.base < KEPT_EVENTS and self.read(growth):
                pass
            if self.keep(growth) and growth.size == growth.base:
                return growth.size
            if progress is not None:
                progress(growth.size, max(there, growth.size))

    # -- checkpoints

    def last(self) -> Checkpoint | None:
        """The newest checkpoint, None where there is none. Raises `LedgerBroken` where it cannot be read."""
        row = self.tables.checkpoint()
        return None if row is None else _read(row)

    def checkpoint(self, number: int) -> Checkpoint:
        """A checkpoint by its number. Raises `NotInLedger`, `LedgerBroken`."""
        row = self.tables.checkpoint(number)
        if row is None:
            last = self.last()
            there = f"the newest is {last.number}" if last is not None else "limen audit checkpoint makes the first"
            raise NotInLedger(f"there is no checkpoint {number}; {there}")
        return _read(row)

    def sign(self, seed: bytes, at: datetime, origin: str | None = None) -> Checkpoint | None:
        """A checkpoint over all that is sealed: a new one, or the last where nothing was sealed since.

        None where nothing is sealed at all. `origin` names the log in its first checkpoint, the key does by default.
        Raises `LedgerBroken` where what is stored is not what was signed before: that is never signed over.
        """
        while True:
            size, last = size_of(self.tables.leaf_tile()), self.last()
            if last is None and not size:
                return None
            tree = Tree(self.tables)
            if last is not None:
                self._check_grown(last, size, tree)
                if size == last.size:
                    return last
            name = last.origin if last is not None else origin or name_of(seed)
            number = last.number + 1 if last is not None else 1
            made = Checkpoint.signed(Signer(name, seed), size, tree.root(size), number, at)
            if self.tables.keep_checkpoint(CheckpointRow(number, size, made.note)):
                return made

    @staticmethod
    def _check_grown(last: Checkpoint, size: int, tree: Tree) -> None:
        try:
            last.check()
        except NoteInvalid as error:
            raise LedgerBroken(f"checkpoint {last.number} is not to be trusted: {error}") from None
        if size < last.size or tree.root(last.size) != last.root:
            raise LedgerBroken(
                f"what is stored is not what checkpoint {last.number} signed; limen audit verify says more"
            )

    # -- proofs

    def prove(self, stream: UUID, version: int) -> Document:
        """The proof that an event is in the log of the newest checkpoint. Raises `NotInLedger`, `LedgerBroken`."""
        row = self.tables.event(stream.hex, version)
        if row is None:
            raise NotInLedger(f"there is no event {stream}:{version} in this store")
        return self._prove(row)

    def prove_position(self, position: int) -> Document:
        """The same, by the position in the log."""
        rows = self.tables.events(position, 1)
        if not rows or rows[0][0] != position:
            raise NotInLedger(f"there is no event at position {position}")
        return self._prove(rows[0])

    def _prove(self, row: EventRow) -> Document:
        checkpoint, index = self.last(), self._index(int(row[0]))
        if checkpoint is None or index is None or index >= checkpoint.size:
            raise NotInLedger("the event is not sealed yet; limen audit checkpoint seals all there are")
        tree, data = Tree(self.tables), entry(*row[1:])
        if tree.leaf(index) != leaf_hash(data):
            raise LedgerBroken("the event is not what was sealed; limen audit verify says more")
        path = [tree.over(one) for one in inclusion_ranges(index, checkpoint.size)]
        return inclusion(data, index, path, checkpoint)

    def _index(self, position: int) -> int | None:
        tile = self.tables.tile_at(position)
        if tile is None or not tile.sound or position not in (there := tile.numbers(tile.positions)):
            return None
        return tile.number * 256 + there.index(position)

    def prove_consistency(self, old: int, new: int) -> Document:
        """The proof that the log of one checkpoint begins with that of another, both by their numbers."""
        before, after = self.checkpoint(old), self.checkpoint(new)
        if before.size > after.size:
            before, after = after, before
        tree = Tree(self.tables)
        path = [tree.over(one) for one in consistency_ranges(before.size, after.size)]
        return consistency(before, after, path)

    # -- its end

    def close(self) -> None:
        """Closes what was opened for it."""
        for close in self._closing:
            close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def name_of(seed: bytes) -> str:
    """What a log is called by default: by the key of its first checkpoint."""
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return f"limen/{sha256(public).hexdigest()[:16]}"


def _read(row: CheckpointRow) -> Checkpoint:
    try:
        checkpoint = Checkpoint.of(row.note)
    except NoteInvalid as error:
        raise LedgerBroken(f"checkpoint {row.number} cannot be read: {error}") from None
    if (checkpoint.number, checkpoint.size) != (row.number, row.size):
        raise LedgerBroken(f"checkpoint {row.number} is another one; limen audit verify says more")
    return checkpoint
