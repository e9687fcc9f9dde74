"""Signatures: every checkpoint of a ledger, and those kept elsewhere; each of them checked by itself."""

from array import array
from bisect import bisect_right
from collections.abc import Sequence

from limen.adapters.ledger.checkpoint import Checkpoint
from limen.adapters.ledger.fault import Fault
from limen.adapters.ledger.note import NoteInvalid, Verifier
from limen.adapters.ledger.tables import CheckpointRow, LedgerTables
from limen.adapters.ledger.tile import HASH


class Marks:
    """Sizes and the roots signed for them, in order of size; 40 bytes each, for there may be many."""

    def __init__(self) -> None:
        self.sizes = array("q")
        self._roots = bytearray()

    def add(self, checkpoint: Checkpoint) -> None:
        """Puts one in its place."""
        place = bisect_right(self.sizes, checkpoint.size)
        self.sizes.insert(place, checkpoint.size)
        self._roots[place * HASH : place * HASH] = checkpoint.root

    def root(self, place: int) -> bytes:
        """The root of one of them."""
        return bytes(self._roots[place * HASH : (place + 1) * HASH])

    @property
    def last(self) -> int:
        """The largest size."""
        return self.sizes[-1] if self.sizes else 0


class Signatures:
    """What was signed, and what is wrong with the checkpoints themselves."""

    def __init__(self, trusted: Sequence[Verifier]) -> None:
        self.trusted = tuple(trusted)
        self.marks = Marks()
        self.faults: list[Fault] = []
        self.count = 0
        self.key: Verifier | None = None
        self._first: Checkpoint | None = None
        self._size = 0

    def read(self, tables: LedgerTables) -> None:
        """The stored ones, in order: none may be missing, and none smaller than the one before."""
        due = 1
        for row in tables.checkpoints():
            if row.number != due:
                self._fault(
                    f"checkpoint {due} is missing"
                    if row.number == due + 1
                    else f"checkpoints from {due} on are missing"
                )
            due = row.number + 1 if isinstance(row.number, int) else due + 1
            self.count += 1
            fault = self._taken(row)
            if fault:
                self._fault(f"checkpoint {row.number} {fault}")

    def _taken(self, row: CheckpointRow) -> str:
        try:
            checkpoint = Checkpoint.of(row.note if isinstance(row.note, str) else "")
        except NoteInvalid as error:
            return f"cannot be read: {error}"
        if (checkpoint.number, checkpoint.size) != (row.number, row.size):
            return "is another one than its row says"
        if checkpoint.size < self._size:
            return "has fewer events than the one before"
        fault = self._checked(checkpoint)
        if not fault:
            self._size = checkpoint.size
        return fault

    def kept(self, note: str, name: str) -> None:
        """One that was kept elsewhere."""
        try:
            fault = self._checked(Checkpoint.of(note))
        except NoteInvalid as error:
            fault = f"cannot be read: {error}"
        if fault:
            self._fault(f"the checkpoint of {name} {fault}")

    def _checked(self, checkpoint: Checkpoint) -> str:
        """Takes its root in; or says why it is not to be trusted."""
        first = self._first or checkpoint
        if checkpoint.origin != first.origin:
            return "is of another log"
        try:
            checkpoint.check(*(self.trusted or (first.key,)))
        except NoteInvalid as error:
            return f"is not to be trusted: {error}"
        self._first, self.key = first, checkpoint.key
        self.marks.add(checkpoint)
        return ""

    def _fault(self, detail: str) -> None:
        self.faults.append(Fault("checkpoint", detail=detail))
