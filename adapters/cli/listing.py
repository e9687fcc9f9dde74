"""Lists from a view: brought up to date first, and how many of them are shown."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from limen.adapters.cli.following import progress
from limen.adapters.cli.options import Where
from limen.adapters.cli.output import note

if TYPE_CHECKING:
    from limen.projections import AnyView

FOR_PEOPLE = 100
"""Rows shown unless said otherwise; programs get all of them."""

MOST = 10**9
"""Rows that can be asked for."""

Limit = Annotated[
    int | None,
    typer.Option(
        min=1, max=MOST, help=f"How many, the newest first ({FOR_PEOPLE} unless said; all with --json).", metavar="N"
    ),
]


class Rows:
    """Rows as they come, counted. `more` says whether there was one beyond the limit."""

    def __init__(self, rows: Iterator[Any], limit: int | None) -> None:
        self._rows = rows
        self._limit = limit
        self.count = 0
        self.more = False

    def __iter__(self) -> Iterator[Any]:
        for row in self._rows:
            if self._limit is not None and self.count == self._limit:
                self.more = True
                return
            self.count += 1
            yield row


@contextmanager
def listed(
    view: "AnyView", where: Where, values: Mapping[str, str], limit: int | None, *, as_json: bool
) -> Iterator[Rows]:
    """The rows of a view that have these values."""
    from limen.adapters.views import open_views

    limit = limit if limit is not None or as_json else FOR_PEOPLE
    with open_views(where.url()) as views:
        with progress(f"bringing the {view.name} up to date") as step:
            views.catch_up(view, step)
        yield Rows(iter(views.rows(view, values, limit=None if limit is None else limit + 1)), limit)


def note_rest(rows: Rows, what: str) -> None:
    """Says on the standard error when there is nothing, or more than was shown."""
    if rows.more:
        note(f"\nthe newest {rows.count if rows.count > 1 else 'of the'} {what}; --limit shows more")
    elif not rows.count:
        note(f"no {what}")
