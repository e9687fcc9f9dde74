"""`limen bus`: where relays stand, what consumers must know, and what their groups could not handle."""

import asyncio
from contextlib import suppress
from typing import Annotated, Any

import typer
from rich.text import Text

from limen.adapters.cli.group import group
from limen.adapters.cli.options import AsJson, SettingsFile, Store, Where
from limen.adapters.cli.output import DIM, GOOD, NAME, WARN, dump_array, note, show_out
from limen.adapters.cli.table import plain_table

ANSWER_SECONDS = 10.0
"""How long a bus may take to show its dead letters."""

app = group("Message buses: where relays stand, and what consumers need.")


@app.command()
def status(store: Store = None, settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Shows each destination there was: how far it is, how far behind, and whether a relay is at work."""
    from limen.adapters.bus.opening import positions

    url = Where(None, settings, store).url()
    head, found = positions(url)
    rows = [
        {
            "destination": name,
            "position": at,
            "head": head,
            "lag": max(head - at, 0),
            "active": asyncio.run(_taken(url, name)),
        }
        for name, at in found.items()
    ]
    if as_json:
        dump_array(rows)
        return
    if not rows:
        note("nothing was ever relayed from this store; limen relay --bus URL begins")
        return
    table = plain_table("destination", "position", "log", "behind", "relay", numbers=("position", "log", "behind"))
    for row in rows:
        behind = Text(f"{row['lag']}", style=WARN if row["lag"] else DIM)
        at_work = Text("at work", style=GOOD) if row["active"] else Text("none", style=DIM)
        table.add_row(Text(str(row["destination"]), style=NAME), f"{row['position']}", f"{head}", behind, at_work)
    show_out(table)


async def _taken(store: str, name: str) -> bool:
    """Whether somebody else has the seat of a destination."""
    from limen.adapters.bus.opening import seat_named
    from limen.adapters.store.address import Address

    seat = seat_named(Address.of(store), name)
    try:
        return not await seat.taken()
    finally:
        await seat.leave()


@app.command()
def asyncapi(
    bus: Annotated[str | None, typer.Option("--bus", help="Name this server in it.", metavar="URL")] = None,
    topic: Annotated[str, typer.Option(help="The topic the relay publishes to.", metavar="NAME")] = "limen",
) -> None:
    """Prints the contract for consumers as an AsyncAPI 3 document: every event, its headers, its data, its address."""
    import json
    import sys

    from limen.adapters.bus.contract.asyncapi import document

    sys.stdout.write(json.dumps(document(topic, bus), ensure_ascii=False, indent=2) + "\n")


@app.command()
def dead(
    group_: Annotated[str, typer.Option("--group", help="The consumer group.", metavar="NAME")],
    bus: Annotated[str, typer.Option("--bus", envvar="LIMEN_BUS", help="The bus.", metavar="URL")],
    topic: Annotated[str, typer.Option(help="The topic it follows.", metavar="NAME")] = "limen",
    as_json: AsJson = False,
) -> None:
    """Lists what a group could not handle, the oldest first. Its service gives it another try: `router.replay()`."""
    from limen.adapters.bus.address import BusAddress
    from limen.domain.errors import BusUnusable

    address = BusAddress.of(bus)
    if address.kind == "memory":
        raise typer.BadParameter("a bus in memory is of one process: ask its router there", param_hint="--bus")
    try:
        letters = asyncio.run(_dead(bus, group_, topic))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--group") from None
    except TimeoutError:
        raise BusUnusable(f"nothing answers at {address.shown}") from None
    if as_json:
        dump_array(letters)
        return
    if not letters:
        note(f"nothing is parked for group {group_}")
        return
    table = plain_table("id", "type", "handler", "tries", "parked", "error", numbers=("tries",))
    for one in letters:
        cells = (one["handler"], f"{one['attempts']}", Text(one["parked"], style=DIM), Text(one["error"], style=WARN))
        table.add_row(Text(one["id"], style=DIM), Text(one["type"], style=NAME), *cells)
    show_out(table)


async def _dead(url: str, group_: str, topic: str) -> list[dict[str, Any]]:
    from limen.adapters.bus import ActionRouter
    from limen.adapters.bus.brokers import broker_of

    broker = broker_of(url)
    router = ActionRouter(broker, group_, topic=topic)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            found = await router.dead()
    finally:
        with suppress(Exception):
            async with asyncio.timeout(1.0):
                await broker.stop()
    return [
        {
            "id": letter.id,
            "type": letter.attributes.get("type", ""),
            "handler": letter.handler,
            "attempts": letter.attempts,
            "parked": letter.parked,
            "error": letter.error,
        }
        for letter in found
    ]
