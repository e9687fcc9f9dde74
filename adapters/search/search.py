"""Searching: the criterion with the fewest rows leads, the others are looked up for the flows it names.

All is read from indexes, a page at a time, and comes the newest flow first: a row of the leading criterion is never
older than its flow, so flows younger than the last row read can be given out.
"""

from collections.abc import Iterator, Sequence
from itertools import islice, takewhile

from limen.adapters.search.criterion import Criterion, sizes
from limen.adapters.search.found import Found, matching
from limen.adapters.search.terms import Terms
from limen.adapters.views import Views
from limen.adapters.views.views import Progress
from limen.projections import FLOWS, AnyView
from limen.projections.view import Row

COUNTED = (500, 5_000, 20_000)
"""Rows up to which criteria are counted, to see which is the rarest: the last takes a few milliseconds."""

_AFTER_ALL = "~"
"""Sorts after every id."""


def search(
    views: Views, terms: Terms, *, limit: int | None = None, progress: Progress | None = None
) -> Iterator[Found]:
    """The flows that meet all of the terms as of now, the newest first, `limit` at most."""
    criteria = terms.criteria()
    views.catch_up_all({leaf.view.name: leaf.view for one in criteria for leaf in one.leaves}.values(), progress)
    return islice(_found(views, criteria, *terms.period), limit)


def _found(views: Views, criteria: Sequence[Criterion], since: str | None, until: str | None) -> Iterator[Found]:
    leading = _rarest(views, criteria, since, until)
    candidates, seen, held = leading.candidates(views, since, until), set[str](), list[Found]()
    pages = (list(islice(candidates, size)) for size in sizes())
    for page in takewhile(bool, pages):
        fresh = dict.fromkeys(flow for _, flow in page if flow not in seen)
        if leading.repeats:
            seen.update(fresh)
        held += _met(views, criteria, list(fresh), since, until)
        held.sort(key=_place)
        # what is yet to come began at the time of the last one read at the latest
        last = page[-1] if leading.sorted else (page[-1][0], _AFTER_ALL)
        while held and _place(held[-1]) >= last:
            yield held.pop()
    yield from reversed(held)


def _rarest(views: Views, criteria: Sequence[Criterion], since: str | None, until: str | None) -> Criterion:
    """Where all are frequent, the first: flows, which come in the right order, and exactly those of the period."""
    counts = [0] * len(criteria)
    for limit in COUNTED:
        counts = [min(one.count(views, since, until, limit), limit) for one in criteria]
        if min(counts) < limit:
            break
    return criteria[counts.index(min(counts))]


def _place(one: Found) -> tuple[str, str]:
    return str(one.flow["started"]), str(one.flow["id"])


def _met(
    views: Views, criteria: Sequence[Criterion], ids: Sequence[str], since: str | None, until: str | None
) -> Iterator[Found]:
    """Those of these flows that began in the period and meet all criteria."""
    flows = {str(row["id"]): row for row in views.among(FLOWS, "id", ids) if _within(row, since, until)}
    met = {flow: dict[str, list[tuple[AnyView, Row]]]() for flow in flows}
    for one in criteria:
        meeting = one.meeting(views, flows)
        flows = {flow: row for flow, row in flows.items() if flow in meeting}
        for flow in flows:
            met[flow].setdefault(one.name, []).extend(meeting[flow])
    for flow, row in flows.items():
        yield Found(row, matching(met[flow]))


def _within(row: Row, since: str | None, until: str | None) -> bool:
    started = str(row["started"])
    return (since is None or started >= since) and (until is None or started < until)
