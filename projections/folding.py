"""Folding a page of the log into the rows of views: each event is looked at once, and dropped before the next is made.

The state of a row is made when its first event comes, from the row as it is kept, and written when the page is over.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
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
        self._states: dict[str | None, Any] = {}

    def _look_ahead(self, page: Sequence[Raw]) -> Mapping[str, Row]:
        """Where there is one row a stream: all of them at once, but for the streams that only begin here."""
        wanted, versions = frozenset(self.view.events), dict[str, int]()
        for position, stream, version, topic, _ in page:
            if topic in wanted and position > self.after:
                versions.setdefault(stream, version)
        known = [id_of(stream) for stream, version in versions.items() if version > 1]
        return self._lookup(known) if known else {}

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

    def _begun(self, name: str, event: DomainEvent, first: DomainEvent) -> Any:
        row = self._rows.get(id_of(name)) if self.view.key is None else self._lookup([name]).get(name)
        return self.view.begin(event, first) if row is None else self.view.read(row)

    def rows(self) -> Iterator[tuple[str, Row]]:
        """The rows that were changed, by their ids."""
        by_stream, write = self.view.key is None, self.view.write
        for name, state in self._states.items():
            assert name is not None
            yield id_of(name) if by_stream else name, write(state)


def deal(foldings: Sequence[Folding], page: Sequence[Raw], decode: Decode, firsts: Mapping[str, DomainEvent]) -> None:
    """Gives each event to the views that fold it. `firsts` are the first events of those streams that a view wants."""
    takers: dict[str, list[tuple[Callable[..., None], int, bool]]] = {}
    for one in foldings:
        for topic in one.view.events:
            takers.setdefault(topic, []).append((one.take, one.after, topic in one.view.opened))
    for position, stream, version, topic, state in page:
        event = decode(stream, version, topic, state)
        for take, after, opened in takers.get(topic, ()):
            if position > after:
                take(stream, event, firsts[stream] if opened else event)


def id_of(stream: str) -> str:
    """The id of a stream as rows show it: a database may leave the dashes out."""
    if len(stream) == 36:
        return stream
    return f"{stream[:8]}-{stream[8:12]}-{stream[12:16]}-{stream[16:20]}-{stream[20:]}"
