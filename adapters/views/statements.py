"""The statements about views. SQLite and PostgreSQL differ only in the mark of a parameter.

Names of tables and columns come from `limen.projections` alone, never from outside; values are always parameters.
"""

from collections.abc import Iterable

from limen.projections.view import AnyView

KEYS_AT_ONCE = 500
"""Rows fetched or written by one statement: within the parameters any SQLite allows."""


def create(view: AnyView, table: str) -> str:
    """The table, where there is none."""
    columns = ", ".join(f"{column.name} {column.kind}" for column in view.columns)
    return f"CREATE TABLE IF NOT EXISTS {table} ({columns}, PRIMARY KEY (id))"


def index(view: AnyView, table: str) -> list[str]:
    """An index for the whole list in its order, and one for each column or columns it is often chosen by."""
    order = f"{view.order}, id"
    parts = {"order": order} if view.listed else {}
    for chosen in view.chosen:
        columns = (chosen,) if isinstance(chosen, str) else chosen
        parts[f"by_{'_'.join(columns)}"] = f"{', '.join(columns)}, {order}"
    return [f"CREATE INDEX IF NOT EXISTS {table}_{name} ON {table} ({columns})" for name, columns in parts.items()]


def select(
    view: AnyView, table: str, where: Iterable[str], mark: str, *, since: bool, limit: bool, before: bool = False
) -> str:
    """Rows with given values in some columns, the newest first; `before` a place: its order and id."""
    return " ".join(
        part
        for part in (
            f"SELECT {names(view)} FROM {table}",
            _conditions(view, where, mark, since=since, before=before),
            f"ORDER BY {view.order} DESC, id DESC",
            f"LIMIT {mark}" if limit else "",
        )
        if part
    )


def count_some(view: AnyView, table: str, where: Iterable[str], mark: str, *, since: bool, before: bool) -> str:
    """How many rows `select` would find, counted up to a number."""
    conditions = _conditions(view, where, mark, since=since, before=before)
    return f"SELECT COUNT(*) FROM (SELECT 1 FROM {table} {conditions} LIMIT {mark}) AS found"


def _conditions(view: AnyView, where: Iterable[str], mark: str, *, since: bool, before: bool) -> str:
    conditions = [f"{name} = {mark}" for name in where]
    conditions += [f"{view.order} >= {mark}"] * since
    conditions += [f"({view.order}, id) < ({mark}, {mark})"] * before
    return f"WHERE {' AND '.join(conditions)}" if conditions else ""


def select_among(view: AnyView, table: str, column: str, count: int, mark: str) -> str:
    """The rows with one of so many values in a column."""
    return f"SELECT {names(view)} FROM {table} WHERE {column} IN ({', '.join([mark] * count)})"


def select_ids(table: str, mark: str) -> str:
    """The ids within a range."""
    return f"SELECT id FROM {table} WHERE id >= {mark} AND id < {mark} ORDER BY id LIMIT {mark}"


def upsert(view: AnyView, table: str, mark: str) -> str:
    """Inserts a row or replaces it."""
    marks = ", ".join([mark] * len(view.columns))
    changing = [column.name for column in view.columns if not column.fixed]  # an index on the others stays untouched
    kept = f"{table}.{{0}} + excluded.{{0}}" if view.added else "excluded.{0}"
    replaced = ", ".join(f"{name} = {kept.format(name)}" for name in changing)
    inserted = f"INSERT INTO {table} ({names(view)}) VALUES ({marks})"
    return f"{inserted} ON CONFLICT (id) DO UPDATE SET {replaced}"


def names(view: AnyView) -> str:
    """The columns, in order."""
    return ", ".join(column.name for column in view.columns)


def known_columns(view: AnyView, where: Iterable[str]) -> None:
    """Raises `ValueError` for a column that the view does not have."""
    known = [column.name for column in view.columns]
    for name in where:
        if name not in known:
            raise ValueError(f"the view '{view.name}' has no column '{name}'; it has {', '.join(known)}")
