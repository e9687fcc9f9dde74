"""Verification: the whole log against its leaves, and these against everything that was ever signed.

The log is read once, page by page, and memory stays flat. Where the leaves are what the checkpoints signed, they tell
which event was changed, removed, inserted or reordered. Where they are not, the events are hashed into a tree of their
own: as far as that is what was signed, the ledger's tables were tampered with and not the log.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from limen.adapters.ledger.alignment import Alignment
from limen.adapters.ledger.events import Events
from limen.adapters.ledger.fault import Fault
from limen.adapters.ledger.nodes import NodeCheck
from limen.adapters.ledger.note import Verifier
from limen.adapters.ledger.page import Page, Seen
from limen.adapters.ledger.roots import Roots
from limen.adapters.ledger.signatures import Signatures
from limen.adapters.ledger.tables import LOWEST, LedgerTables
from limen.adapters.ledger.tile import WIDTH, Leaf, LeafTile, split

WINDOW = 1024
"""Leaves looked at together where log and leaves differ."""

_TILES = 16
"""Tiles read at a time."""

Progress = Callable[[int, int], None]
"""Called with the number of events done and of those that are sealed."""


@dataclass(frozen=True, slots=True)
class Report:
    """What verification found. `events` are in the log, `sealed` were signed, `unsealed` came afterwards.

    `key` is the one that signed; `trusted` whether it was given, rather than taken from the checkpoints themselves.
    """

    events: int
    sealed: int
    unsealed: int
    checkpoints: int
    key: str | None
    trusted: bool
    faults: tuple[Fault, ...] = ()

    @property
    def valid(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults

    def body(self) -> dict[str, Any]:
        """As JSON shows it."""
        return {
            "valid": self.valid,
            "events": self.events,
            "sealed": self.sealed,
            "unsealed": self.unsealed,
            "checkpoints": self.checkpoints,
            "key": self.key,
            "trusted": self.trusted,
            "faults": [fault.body() for fault in self.faults],
        }


def verify(
    tables: LedgerTables,
    *,
    keys: Sequence[Verifier] = (),
    kept: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Report:
    """Verifies a log. `keys` are those trusted to sign; without any, the first checkpoint's own.

    `kept` are checkpoints that were kept elsewhere, by the names to call them in faults.
    """
    signatures = Signatures(keys)
    signatures.read(tables)
    for name, note in (kept or {}).items():
        signatures.kept(note, name)
    return _Walk(tables, signatures, progress).report()


class _Walk:
    """One way through the log."""

    def __init__(self, tables: LedgerTables, signatures: Signatures, progress: Progress | None) -> None:
        self.tables = tables
        self.signatures = signatures
        self.progress = progress
        self.signed = signatures.marks.last
        self.events = Events(tables)
        self.alignment = Alignment()
        self.roots = Roots(signatures.marks)
        self.nodes = NodeCheck(tables)
        self.size = 0
        self.last = LOWEST
        self.missing: list[Fault] = []
        self.misplaced: list[Fault] = []

    def report(self) -> Report:
        """Walks, and says what was found."""
        self._leaves()
        left = self._left()
        there = self.events.taken + left if not self.alignment.pairs else self.events.taken
        best, by_events = self.roots, 0
        if self.roots.held < self.signed:
            roots = self._by_events()
            best, by_events = max(self.roots, roots, key=lambda one: one.held), roots.held
        faults = [
            *self.signatures.faults,
            *self._event_faults(self.roots.held, by_events),
            *self._beyond(best.held, best.failed, there),
        ]
        return Report(
            events=there,
            sealed=self.signed,
            unsealed=max(left - (self.signed - self.size), 0),
            checkpoints=self.signatures.count,
            key=str(self.signatures.key) if self.signatures.key else None,
            trusted=bool(self.signatures.trusted),
            faults=tuple(faults),
        )

    # -- through leaves and events

    def _leaves(self) -> None:
        open_: list[Leaf] = []
        for tile in self._tiles():
            hashes = split(tile.hashes)
            root = self.roots.push(hashes)
            if root is not None:
                self.nodes.push(root)
            self.size += len(hashes)
            self.last = max(self.last, tile.last)
            if open_ or not self._equal(tile):
                open_ = self._aligned([*open_, *tile.leaves()])
            if self.progress is not None:
                self.progress(self.size, self.signed)
        self._finished(open_)
        self.nodes.finish()

    def _tiles(self) -> Iterator[LeafTile]:
        """The leaves up to the last checkpoint, as far as they are there."""
        number, last = 0, -(-self.signed // WIDTH)
        while number < last:
            found = self.tables.leaf_tiles(number, _TILES)[: last - number]
            for tile in found:
                count = min(WIDTH, self.signed - number * WIDTH)
                if tile.number != number or not tile.sound or tile.count < count:
                    break
                yield tile.cut(count)
                number += 1
            else:
                if found:
                    continue
            self.missing.append(Fault("leaf", detail=f"leaves from {number * WIDTH} on are missing or damaged"))
            return

    def _equal(self, tile: LeafTile) -> bool:
        page = self.events.take(tile.count)
        if page.equals(tile):
            self.alignment.matched = tile.number * WIDTH + tile.count - 1
            return True
        self.events.give_back(page)
        return False

    def _aligned(self, leaves: list[Leaf]) -> list[Leaf]:
        """Takes in the events of these leaves; gives those leaves back that have to wait for more."""
        leaves, page = self._beginning(leaves, self.events.take(len(leaves)))
        if len(leaves) >= WINDOW:
            done = self.alignment.take(leaves, page, final=not len(page))
            leaves, page = leaves[done[0] :], page.part(done[1])
        self.events.give_back(page)
        return leaves

    def _finished(self, leaves: list[Leaf]) -> None:
        """The last leaves: events behind them are not sealed yet, and are left."""
        while leaves:
            wanted = len(leaves) + WINDOW
            page = self.events.take(wanted)
            ended = len(page) < wanted or page.positions[-1] > leaves[-1].position
            leaves, page = self._beginning(leaves, page)
            if leaves:
                done = self.alignment.take(leaves, page, final=ended)
                leaves, page = leaves[done[0] :], page.part(done[1])
            self.events.give_back(page)

    def _left(self) -> int:
        """How many events are not sealed. Where some that are sealed were missed, these are looked for among them."""
        if not self.alignment.pairs:
            return self.events.left()
        missed, left = self.alignment.missed(), 0
        while len(page := self.events.take(WINDOW)):
            for place, position in enumerate(page.positions):
                if position <= self.last or page.hashes[place] in missed:
                    self.alignment.pairs.append((None, page.seen(place)))
                else:
                    left += 1
        return left

    def _beginning(self, leaves: list[Leaf], page: Page) -> tuple[list[Leaf], Page]:
        """What is left after the leaves and events that are the same at the beginning."""
        same = 0
        for leaf, hash_ in zip(leaves, page.hashes, strict=False):
            if leaf.hash != hash_:
                break
            seen = page.seen(same)
            if (leaf.position, leaf.stream, leaf.version) != (seen.position, seen.stream, seen.version):
                self._misplaced(leaf, seen)
            same += 1
        if same:
            self.alignment.matched = leaves[same - 1].index
        return leaves[same:], page.part(same)

    def _misplaced(self, leaf: Leaf, seen: Seen) -> None:
        """The same event, but the table tells of another place: once for each tile, it may be all of them."""
        if not self.misplaced or (self.misplaced[-1].index or 0) // WIDTH < leaf.index // WIDTH:
            detail = f"leaf {leaf.index} tells of another place than that of its event"
            self.misplaced.append(Fault("leaf", seen.position, seen.stream, seen.version, detail, leaf.index))

    # -- what it comes to

    def _by_events(self) -> Roots:
        """The tree that the events themselves give, as far as it was signed."""
        roots, events, left = Roots(self.signatures.marks), Events(self.tables), self.signed
        while left and len(page := events.take(min(WIDTH, left))):
            roots.push(page.hashes)
            left -= len(page)
        return roots

    def _event_faults(self, by_leaves: int, by_events: int) -> list[Fault]:
        found = self.alignment.faults()
        if by_events > by_leaves:
            # what differs up to there is the table's fault: the events are those that were signed
            detail = "the leaf is not that of its event"
            wrong = {
                fault.index: replace(fault, kind="leaf", detail=detail) for fault in found if _below(fault, by_events)
            }
            return [*self.missing, *wrong.values(), *(fault for fault in found if not _below(fault, by_events))]
        shifted = any(fault.kind in ("removed", "inserted", "reordered", "truncated") for fault in found)
        nodes = self.nodes.faults if by_leaves == self.signed else []
        return [*found, *self.missing, *([] if shifted else self.misplaced), *nodes]

    def _beyond(self, held: int, failed: Sequence[int], there: int) -> list[Fault]:
        """What the checkpoints say that neither leaves nor events bear out."""
        found = [
            Fault("checkpoint", detail=f"a checkpoint of {size} events was signed for another history")
            for size in dict.fromkeys(failed)
            if size < held
        ]
        if held == self.signed:
            return found
        if there < self.signed and self.size < self.signed:
            return [*found, Fault("truncated", detail=f"{self.signed} events were signed, {there} are there")]
        detail = f"from here to event {self.signed} of the log, what is stored is not what was signed"
        tile = self.tables.leaf_tile(held // WIDTH)
        leaf = next((one for one in tile.leaves() if one.index == held), None) if tile and tile.sound else None
        if leaf is None:
            return [*found, Fault("rewritten", detail=detail)]
        return [*found, Fault("rewritten", leaf.position, leaf.stream, leaf.version, detail, leaf.index)]


def _below(fault: Fault, size: int) -> bool:
    return fault.index is None or fault.index < size
