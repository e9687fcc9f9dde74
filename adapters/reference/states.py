"""The machines: a diagram and a table each."""

from limen.adapters.reference.markdown import code, page, table
from limen.domain.diagram import mermaid
from limen.domain.machine import BACK, STAY, TABLES, Row, Table

_INTRODUCTION = """Each transition emits exactly one event. A trigger that a table does not have in a state is refused,
and nothing happens. `(back)` is the form where the submission came from; `(same)` leaves the state as it is.
`limen flow diagram KIND` draws the same, `--format dot` for Graphviz."""


def states_page() -> str:
    """Every machine."""
    parts = [_INTRODUCTION]
    for name, machine in TABLES.items():
        parts += [f"## {name.capitalize()}", f"```mermaid\n{mermaid(machine)}\n```", _rows(machine)]
    return page("States", *parts)


def _rows(machine: Table) -> str:
    rows = [["", "", code(machine.initial), code(machine.creation)]]
    rows += [
        [", ".join(map(code, row.sources)), code(row.trigger), _dest(row), code(row.event)] for row in machine.rows
    ]
    return table(["from", "trigger", "to", "event"], rows)


def _dest(row: Row) -> str:
    return row.dest if row.dest in (BACK, STAY) else code(row.dest)
