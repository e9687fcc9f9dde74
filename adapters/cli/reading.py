"""Reading the log for a command: sealed fields shown as sealed, or in clear when asked and the keys are at hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import typer

from limen.adapters.cli.options import Where

if TYPE_CHECKING:
    from limen.adapters.keyring import Keys
    from limen.adapters.log import EventReader
    from limen.adapters.store import LogStore
    from limen.projections import AnyView


@contextmanager
def reading(where: Where, *, in_clear: bool = False) -> Iterator["EventReader"]:
    """The log of the store. `in_clear` opens sealed fields with the keys of the configuration."""
    from limen.adapters.log import open_log

    url = where.url()
    if not in_clear:
        with open_log(url) as reader:
            yield reader
        return
    with keyed_store(where, url) as (store, keys), open_log(store, keys=keys) as reader:
        yield reader


@contextmanager
def keyed_store(where: Where, url: str) -> Iterator[tuple["LogStore", "Keys"]]:
    """The store of a URL, made for reading, and the keys that the configuration opens it with."""
    from limen.adapters.keyring import Keys
    from limen.adapters.store import LogStore
    from limen.adapters.store.address import Address
    from limen.adapters.store.opening import open_application
    from limen.adapters.system import SystemSecrets

    master = master_of(where)
    address = Address.of(url)
    store = LogStore(open_application(address, create=False), address.kind)
    try:
        yield store, Keys(store, master, SystemSecrets())
    finally:
        store.close()


def master_of(where: Where) -> tuple[str, ...]:
    """The master keys of the configuration."""
    from limen.adapters.configuration import read

    return read(where.configuration(), where.settings_file()).secrets.master


def uuid_of(text: str, view: "AnyView", where: Where, hint: str) -> UUID:
    """An id, or the only one of a view that begins with `text` (four characters at least). Wrong use otherwise.

    A beginning may end with the ellipsis with which a narrow terminal shows it.
    """
    text = text.removesuffix("…")
    try:
        return UUID(text)
    except ValueError:
        pass
    if len(text) < 4 or not set(text.lower()) <= set("0123456789abcdef-"):
        raise typer.BadParameter(f"'{text}' is no id, nor the beginning of one", param_hint=hint)
    from limen.adapters.views import open_views

    with open_views(where.url()) as views:
        found = views.ids(view, text.lower(), limit=2)
    if len(found) != 1:
        many = "more than one" if found else "no"
        raise typer.BadParameter(f"{many} id in the {view.name} begins with '{text}'", param_hint=hint)
    return UUID(found[0])


def moment(text: str) -> int | datetime:
    """A version or a time (ISO 8601; UTC where it does not say). Wrong use for anything else."""
    return int(text) if text.isdecimal() else instant(text, "--at", "neither a version nor a time")


def instant(
    text: str, hint: str, otherwise: str = "no time; one looks like 2026-05-04 or 2026-05-04T12:30:00Z"
) -> datetime:
    """A time (ISO 8601; UTC where it does not say, midnight for a day). Wrong use, told by `otherwise`, for no time."""
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # or before the year 1, after 9999
        raise typer.BadParameter(f"'{text}' is {otherwise}", param_hint=hint) from None
