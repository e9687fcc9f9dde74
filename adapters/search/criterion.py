"""A criterion: which flows meet it, found in a view by an index, or looked up for flows that are known already.

A row of a view says of a flow that something happened in it, and when: never before the flow began.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import merge

from limen.adapters.views import Views
from limen.adapters.views.tables import Wanted
from limen.projections import DELIVERIES, FLOWS
from limen.projections.view import AnyView, Row, Value

PAGE_ROWS = 512
"""Rows read at a time, where more than a few are wanted."""


def sizes() -> Iterator[int]:
    """How many rows are read at first, and then: twice as many each time, up to a page."""
    size = PAGE_ROWS // 16
    while True:
        yield size
        size = min(2 * size, PAGE_ROWS)


@dataclass(frozen=True, slots=True)
class Leaf:
    """The rows of a view that have these values."""

    view: AnyView
    where: Mapping[str, Value]

    def wanted(self, since: str | None, until: str | None) -> Wanted:
        """Of flows that began in a period: what happened in one may well have happened after its end."""
        return Wanted(self.where, since, (until, "") if until is not None and self.view is FLOWS else None)

    def places(self, views: Views, since: str | None, until: str | None) -> Iterator[tuple[str, str]]:
        """When, and in which flow: the newest first."""
        wanted = self.wanted(since, until)
        for size in sizes():
            page = views.page(self.view, wanted, size)
            for row in page:
                if self.view is FLOWS or row["flow"] is not None:  # what a logout scheduled is of no flow
                    yield str(row[self.view.order]), flow_of(self.view, row)
            if len(page) < size:
                return
            wanted = replace(wanted, before=(str(page[-1][self.view.order]), str(page[-1]["id"])))

    def among(self, views: Views, flows: Mapping[str, Row]) -> Iterable[Row]:
        """Those of these flows, in no order. A row of a view with keys is named by its flow and values."""
        if self.view is FLOWS:
            found: Iterable[Row] = flows.values()
        elif self.view.key is not None:
            values = "/".join(str(value) for value in self.where.values())
            return views.among(self.view, "id", [f"{flow}/{values}" for flow in flows])
        else:
            found = views.among(self.view, "flow", list(flows))
        return (row for row in found if self.where.items() <= row.items())


@dataclass(frozen=True, slots=True)
class Criterion:
    """Any of these. `name` is what is said of a flow that meets it."""

    name: str
    leaves: Sequence[Leaf]

    @property
    def repeats(self) -> bool:
        """Whether a flow may be named more than once."""
        return len(self.leaves) > 1 or not self.sorted

    @property
    def sorted(self) -> bool:
        """Whether flows of one moment come by their ids, the highest first. Deliveries come by their own."""
        return all(leaf.view is not DELIVERIES for leaf in self.leaves)

    def count(self, views: Views, since: str | None, until: str | None, limit: int) -> int:
        """How many rows there are, counted up to `limit`."""
        return sum(views.count_some(leaf.view, leaf.wanted(since, until), limit) for leaf in self.leaves)

    def candidates(self, views: Views, since: str | None, until: str | None) -> Iterator[tuple[str, str]]:
        """When, and in which flow: the newest first, a flow once or more often."""
        return merge(*(leaf.places(views, since, until) for leaf in self.leaves), reverse=True)

    def meeting(self, views: Views, flows: Mapping[str, Row]) -> dict[str, list[tuple[AnyView, Row]]]:
        """Those of these flows that meet it, with the rows that say so."""
        met: dict[str, list[tuple[AnyView, Row]]] = {}
        for leaf in self.leaves:
            for row in leaf.among(views, flows):
                met.setdefault(flow_of(leaf.view, row), []).append((leaf.view, row))
        return met


def flow_of(view: AnyView, row: Row) -> str:
    """The flow that a row is of."""
    return str(row["id"] if view is FLOWS else row["flow"])
