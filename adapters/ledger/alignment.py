"""Alignment: which event belongs to which leaf, where log and leaves differ.

Hashes tell: those in the same order on both sides are as they were, and what stands between two of them has been
changed, removed or inserted. A hash that stands at another place was reordered. Positions only help where no hash is
the same.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from limen.adapters.ledger.fault import Fault, Kind
from limen.adapters.ledger.page import Page, Seen
from limen.adapters.ledger.tile import Leaf

Pair = tuple[int, int]
"""A leaf and an event of a window, by their places in it."""


@dataclass(slots=True)
class Alignment:
    """Takes window after window; `faults` names what it found, when all are taken."""

    pairs: list[tuple[Leaf | None, Seen | None]] = field(default_factory=list)
    """What does not fit: the leaf, and the event that stands in its place now."""
    matched: int = -1
    """The last leaf there is an event for."""

    def take(self, leaves: Sequence[Leaf], events: Page, *, final: bool = False) -> Pair:
        """Aligns two windows that begin at the same place; says how many leaves and events are done with.

        The rest belongs to the next window, unless it is the `final` one. Then events behind the last leaf are left.
        """
        places = {hash_: place for place, hash_ in enumerate(events.hashes)}
        same = [(one, places[leaf.hash]) for one, leaf in enumerate(leaves) if leaf.hash in places]
        anchors = _rising(same)
        if not anchors and not final:
            return self._overlap(leaves, events)
        moved = set(same) - set(anchors)
        moved |= {pair for pair in anchors if _swapped(pair, moved, leaves, events)}
        end = (anchors[-1][0] + 1, anchors[-1][1] + 1) if anchors else (0, 0)
        if final:
            behind = bisect_right(events.positions, leaves[-1].position)
            end = (len(leaves), max(end[1], behind))
        self._between(anchors, end, same, leaves, events)
        for one, two in moved:
            # one that reaches beyond these windows comes again without the other: `faults` brings them together
            self.pairs += [(leaves[one], None)] if one < end[0] else []
            self.pairs += [(None, events.seen(two))] if two < end[1] else []
        if same:
            self.matched = max(self.matched, *(leaves[one].index for one, _ in same))
        return end

    def _between(
        self, anchors: Sequence[Pair], end: Pair, same: Sequence[Pair], leaves: Sequence[Leaf], events: Page
    ) -> None:
        """What stands before, between and behind the anchors, and has its hash nowhere on the other side."""
        there, back = {one for one, _ in same}, {two for _, two in same}
        first = (0, 0)
        for anchor in [*anchors, end]:
            gap = [leaves[one] for one in range(first[0], anchor[0]) if one not in there]
            others = [events.seen(two) for two in range(first[1], anchor[1]) if two not in back]
            if gap or others:
                self._gap(gap, others)
            first = (anchor[0] + 1, anchor[1] + 1)

    def _overlap(self, leaves: Sequence[Leaf], events: Page) -> Pair:
        """No hash is the same: what stands at the same positions is all there is to go by."""
        last = min(leaves[-1].position, events.positions[-1])
        gone = list(takewhile(lambda leaf: leaf.position <= last, leaves))
        new = bisect_right(events.positions, last)
        if not gone and not new:  # positions that make no sense
            gone = list(leaves)
        self._gap(gone, [events.seen(two) for two in range(new)])
        return len(gone), new

    def _gap(self, leaves: Sequence[Leaf], events: Sequence[Seen]) -> None:
        """What stands between two anchors: changed where name or position are the same, else removed and inserted."""
        left = {event.position: event for event in events}
        named = {(event.stream, event.version): event.position for event in events}
        same: dict[int, Seen] = {}
        for leaf in leaves:
            at = named.pop((leaf.stream, leaf.version), None)
            if at is not None:
                same[leaf.index] = left.pop(at)
        for leaf in leaves:
            event = same.get(leaf.index) or left.pop(leaf.position, None)
            self.pairs.append((leaf, event))
            if event is not None:
                self.matched = max(self.matched, leaf.index)
        self.pairs += [(None, event) for event in left.values()]

    def missed(self) -> set[bytes]:
        """The hashes of leaves whose events were not found."""
        return {leaf.hash for leaf, _ in self.pairs if leaf is not None}

    def faults(self) -> list[Fault]:
        """All that was found, in order of position."""
        gone = {leaf.hash: leaf for leaf, _ in self.pairs if leaf is not None}
        back = {event.hash for _, event in self.pairs if event is not None and event.hash in gone}
        found: list[Fault] = []
        for leaf, event in self.pairs:
            if event is not None and event.hash in back:
                found.append(_moved(gone[event.hash], event))
                event = None
                if leaf is not None and leaf.hash not in back:
                    found.append(self._missing(leaf))
            elif leaf is not None and leaf.hash not in back:
                found.append(_fault("changed", leaf) if event is not None else self._missing(leaf))
            elif event is not None:
                found.append(Fault("inserted", event.position, event.stream, event.version))
        return sorted(found, key=lambda fault: fault.position or 0)

    def _missing(self, leaf: Leaf) -> Fault:
        return _fault("truncated" if leaf.index > self.matched else "removed", leaf)


def _fault(kind: Kind, leaf: Leaf) -> Fault:
    return Fault(kind, leaf.position, leaf.stream, leaf.version, index=leaf.index)


def _moved(leaf: Leaf, event: Seen) -> Fault:
    detail = f"it stands at position {event.position} now"
    return Fault("reordered", leaf.position, leaf.stream, leaf.version, detail, leaf.index)


def _rising(pairs: Sequence[Pair]) -> list[Pair]:
    """The longest part of the pairs, in order of leaves, in which the events are in order too."""
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for place, (_, event) in enumerate(pairs):
        length = bisect_left(ends, event)
        if length == len(ends):
            ends.append(event)
            last.append(place)
        else:
            ends[length], last[length] = event, place
        before.append(last[length - 1] if length else -1)
    rising: list[Pair] = []
    at = last[-1] if last else -1
    while at >= 0:
        rising.append(pairs[at])
        at = before[at]
    return rising[::-1]


def _swapped(pair: Pair, moved: set[Pair], leaves: Sequence[Leaf], events: Page) -> bool:
    """Whether an anchor has changed places with an event that moved: then both are named."""
    if not moved:
        return False
    place = (events.positions[pair[1]], leaves[pair[0]].position)
    return any((leaves[one].position, events.positions[two]) == place for one, two in moved)
