"""Tables for people: a dim header, no frame, columns as wide as they need to be."""

from rich.table import Table


def plain_table(*headers: str, numbers: tuple[str, ...] = ()) -> Table:
    """An empty table; the columns named in `numbers` are aligned to the right."""
    table = Table(box=None, header_style="bright_black", pad_edge=False, padding=(0, 2, 0, 0))
    for header in headers:
        table.add_column(header, justify="right" if header in numbers else "left", overflow="fold")
    return table
