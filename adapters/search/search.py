"""Searching: the criterion with the fewest rows leads, the others are looked up for the flows it names.

All is read from indexes, a page at a time, and comes the newest flow first: a row of the leading criterion is never
older than its flow, so flows younger than the last row read can be given out.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

from limen.adapters.search.criterion import PAGE_ROWS, Criterion
from limen.adapters.search.found import Found, matching
from limen.adapters.search.terms import Terms
from limen.adapters.views import Views
from limen.adapters.views.views import Progress
from limen.projections import FLOWS, AnyView
from limen.projections.view import Row

COUNTED = 50_000
"""Rows up to which a criterion is counted, to see which is the rarest: a few milliseconds."""


def search(
    views: Views, terms: Terms, *, limit: int | None = None, progress: Progress | None = None
) -> Iterator[Found]:
    """The flows that meet all of the terms as of now, the newest first, `limit` at most."""
    criteria = terms.criteria()
    views.catch_up_all({leaf.view.name: leaf.view for one in criteria for leaf in one.leaves}.values(), progress)
    return islice(_found(views, criteria, *terms.period), limit)


def _found(views: Views, criteria: Sequence[Criterion], since: str | None, until: str | None) -> Iterator[Found]:
    # where several are as many, flows lead: they come in the right order, and exactly those of the period
    leading = min(criteria, key=lambda one: min(one.count(views, since, until, COUNTED), COUNTED))
    candidates, seen, held = leading.candidates(views, since, until), set[str](), list[Found]()
    while page := list(islice(candidates, PAGE_ROWS)):
        fresh = dict.fromkeys(flow for _, flow in page if flow not in seen)
        if leading.repeats:
            seen.update(fresh)
        held += _met(views, criteria, list(fresh), since, until)
        held.sort(key=lambda one: (str(one.flow["started"]), str(one.flow["id"])))
        while held and str(held[-1].flow["started"]) > page[-1][0]:
            yield held.pop()
    yield from reversed(held)


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
