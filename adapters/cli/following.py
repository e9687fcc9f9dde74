"""Progress of long reading, on the standard error of a terminal; nothing elsewhere, and nothing when it is quick."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LONG_EVENTS = 5000
"""Positions ahead from which on it is worth showing."""


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """Gives the function to call with the position reached and the one to reach; None where nobody looks."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from limen.adapters.cli.output import err

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err(), transient=True) as bar:
        task = None

        def step(position: int, head: int) -> None:
            nonlocal task
            if task is None and head - position < LONG_EVENTS:
                return
            if task is None:
                task = bar.add_task(what, total=head)
            bar.update(task, completed=position, total=head)

        yield step
