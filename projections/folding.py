"""Folding a page of the log into the rows of views: each event is looked at once, and dropped before the next is made.

The state of a row is made when its first event comes, from the row as it is kept, and written when the page is over.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any

from limen.domain.event import DomainEvent
from limen.projections.view import AnyView, Row

Raw = tuple[int, str, int, str, bytes]
"""Of an event: its position in the log, the text of its stream, its version there, its type, and its bytes."""

Decode = Callable[[str, int, str, bytes], DomainEvent]
"""The event again: from stream, version, type and bytes."""

Lookup = Callable[[Sequence[str]], Mapping[str, Row]]
"""The rows that are kept of these ids."""


class Folding:
    """The rows of one view that a page changes. `after`: the position up to which they are folded already."""

    def __init__(self, view: AnyView, after: int, lookup: Lookup, page: Sequence[Raw]) -> None:
        self.view = view
        self.after = after
        self._lookup = lookup
        self._rows = self._look_ahead(page) if view.key is None else {}
        self._states: dict[Hashable, Any] = {}

    def _look_ahead(self, page: Sequence[Raw]) -> Mapping[str, Row]:
        """Where there is one row a stream: all of them at once, but for the streams that only begin here."""
        wanted, after = frozenset(self.view.events), self.after
        here = [row for row in page if row[3] in wanted and row[0] > after]
        known = {row[1] for row in here if row[2] > 1} - {row[1] for row in here if row[2] == 1}
        return self._lookup([id_of(stream) for stream in known]) if known else {}

    def take(self, stream: str, event: DomainEvent, first: DomainEvent) -> None:
        """Takes one event in; `first` began its stream."""
        view = self.view
        name = stream if view.key is None else view.key(event, first)
        state = self._states.get(name)
        if state is None:
            if name is None:
                return
            state = self._states[name] = self._begun(name, event, first)
        view.take(state, event)

    def _begun(self, name: Hashable, event: DomainEvent, first: DomainEvent) -> Any:
        view = self.view
        if view.read is None:
            return view.begin(event, first)
        id_ = str(name)
        row = self._rows.get(id_of(id_)) if view.key is None else self._lookup([id_]).get(id_)
        return view.begin(event, first) if row is None else view.read(row)

    def rows(self) -> Iterator[tuple[str, Row]]:
        """The rows that were changed, by their ids."""
        by_stream, added, write = self.view.key is None, self.view.added, self.view.write
        for name, state in self._states.items():
            row = write(state)
            yield str(row["id"]) if added else id_of(str(name)) if by_stream else str(name), row


def deal(
    foldings: Sequence[Folding], page: Sequence[Raw], decode: Decode, firsts: MutableMapping[str, DomainEvent]
) -> None:
    """Gives each event to the views that fold it.

    `firsts` are the first events of those streams that a view wants opened and that began before this page; those that
    begin here are put with them.
    """
    takers: dict[str, list[tuple[Callable[..., None], int, bool]]] = {}
    for one in foldings:
        for topic in one.view.events:
            takers.setdefault(topic, []).append((one.take, one.after, topic in one.view.opened))
    opens = any(one.view.opened for one in foldings)
    for position, stream, version, topic, state in page:
        event = decode(stream, version, topic, state)
        if opens and version == 1:
            firsts[stream] = event
        for take, after, opened in takers.get(topic, ()):
            if position > after:
                take(stream, event, firsts[stream] if opened else event)


def id_of(stream: str) -> str:
    """The id of a stream as rows show it: a database may leave the dashes out."""
    if len(stream) == 36:
        return stream
    return f"{stream[:8]}-{stream[8:12]}-{stream[12:16]}-{stream[16:20]}-{stream[20:]}"
