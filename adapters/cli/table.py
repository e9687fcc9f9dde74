"""Tables for people: a dim header, no frame, columns as wide as they need to be."""

from rich.table import Table
from rich.text import Text

from limen.adapters.cli.output import DIM


def plain_table(*headers: str, numbers: tuple[str, ...] = ()) -> Table:
    """An empty table; the columns named in `numbers` are aligned to the right."""
    table = Table(box=None, header_style=DIM, pad_edge=False, padding=(0, 2, 0, 0))
    for header in headers:
        table.add_column(header, justify="right" if header in numbers else "left", overflow="fold")
    return table


def id_cell(id_: str) -> Text:
    """An id in full; cut, not folded, where the terminal is too narrow: its beginning names it as well."""
    return Text(id_, style=DIM, no_wrap=True, overflow="ellipsis")
