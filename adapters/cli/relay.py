"""`limen relay`: publishes the log to a message bus, as a process of its own."""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from limen.adapters.cli.options import AsJson, Config, SettingsFile, Store, Where
from limen.adapters.cli.output import DIM, GOOD, NAME, WARN, dump_line, err, note, out

if TYPE_CHECKING:
    from limen.adapters.bus.destination import Destination
    from limen.adapters.bus.relay import Relay
    from limen.adapters.keyring import Keys
    from limen.adapters.store.application import EventLog
    from limen.domain.configuration import BusSettings

LOOK_SECONDS = 0.5
"""How often what is shown is brought up to date."""

GIVE_UP_SECONDS = 30.0
"""How long `--once` waits for a bus that is away."""

_HINTS = {"no flow": "--flow", "no event type": "--type", "no format": "--format", "topic": "--topic"}
"""Which option a refusal is about, by its words."""

Bus = Annotated[
    str | None,
    typer.Option(
        "--bus", envvar="LIMEN_BUS", help="The bus: nats://…, amqp://…, redis://… or kafka://….", metavar="URL"
    ),
]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("relay")(relay)


def relay(
    bus: Bus = None,
    topic: Annotated[
        str | None,
        typer.Option(help="Stream, exchange, key or topic to publish to: limen unless given.", metavar="NAME"),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="What the position is stored under; the bus' address unless given.", metavar="NAME"),
    ] = None,
    start: Annotated[
        int | None,
        typer.Option("--from", min=0, help="Start after this position, once: 0 is the whole log.", metavar="POSITION"),
    ] = None,
    type_: Annotated[
        list[str] | None, typer.Option("--type", help="Only events of this type; repeatable.", metavar="TYPE")
    ] = None,
    flow: Annotated[
        list[str] | None,
        typer.Option("--flow", help="Only events of flows of this kind, and erasures; repeatable.", metavar="KIND"),
    ] = None,
    format_: Annotated[
        str | None, typer.Option("--format", help="cloudevents, or ory for Ory's event streams.", metavar="FORMAT")
    ] = None,
    personal_data: Annotated[
        bool, typer.Option("--personal-data", help="Send sealed fields in clear; needs --config for the keys.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="Publish what is there, then end.")] = False,
    store: Store = None,
    settings: SettingsFile = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Publishes every recorded event to a message bus, in order, from where it was left off.

    One relay of a destination is at work at a time; another one stands by and takes over. Ends on SIGINT or SIGTERM
    after what was appended by then has been published.
    """
    where = Where(config, settings, store)
    given = {
        "url": bus,
        "topic": topic,
        "name": name,
        "types": tuple(type_ or ()) or None,
        "flows": tuple(flow or ()) or None,
        "format": format_,
        "personal_data": personal_data or None,
    }
    destination = _destination(where, {key: value for key, value in given.items() if value is not None})
    from limen.adapters.bus.opening import open_relay, positions
    from limen.adapters.store.address import Address

    if Address.of(where.url()).kind == "memory":
        raise typer.BadParameter("a store in memory is of one process: nothing is in it here", param_hint="--store")
    if start is not None and start > (head := positions(where.url())[0]):
        raise typer.BadParameter(f"the log ends at position {head}", param_hint="--from")

    with (
        _log(where, keyed=destination.personal_data) as (log, keys),
        open_relay(where.url(), destination, log=log, keys=keys, start=start) as opened,
    ):
        asyncio.run(_run(opened, once=once, as_json=as_json))


def _destination(where: Where, given: dict[str, Any]) -> "Destination":
    from limen.adapters.bus.opening import destination_of
    from limen.domain.configuration import BusSettings
    from limen.domain.errors import BusUnusable

    settings = _bus_settings(where)
    if settings is None and "url" not in given:
        raise typer.BadParameter("name the bus (or set LIMEN_BUS, or bus in limen.yml)", param_hint="--bus")
    try:
        from dataclasses import replace

        if settings is not None and given.get("url", settings.url) != settings.url:
            given = {"name": None, **given}  # the name in the file is that of another place, and of its position
        destination = destination_of(replace(settings, **given) if settings else BusSettings(**given))
    except BusUnusable as error:
        hint = next((option for word, option in _HINTS.items() if word in str(error)), "--bus")
        raise typer.BadParameter(str(error), param_hint=hint) from None
    if destination.address.kind == "memory":
        raise typer.BadParameter(
            "a bus in memory is of one process: open the engine with it instead", param_hint="--bus"
        )
    return destination


def _bus_settings(where: Where) -> "BusSettings | None":
    from limen.adapters.cli.options import read_settings_file

    path = where.settings_file()
    return read_settings_file(path).bus if path is not None else None


@contextmanager
def _log(where: Where, *, keyed: bool) -> "Iterator[tuple[EventLog | None, Keys | None]]":
    if not keyed:
        yield None, None
        return
    from limen.adapters.cli.reading import keyed_store

    with keyed_store(where, where.url()) as (store, keys):
        yield store.application, keys


async def _run(relay: "Relay", *, once: bool, as_json: bool) -> None:
    for noisy in ("aiormq", "aio_pika", "aiokafka"):  # what they tell of lost connections, `trouble` says in a word
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, ended.set)
    if not as_json:
        note(f"relaying to {relay.destination.name}")
    watching = asyncio.create_task(_watch(relay, as_json=as_json))
    try:
        if once:
            await _run_once(relay, ended)
        else:
            async with relay:
                await ended.wait()
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    body = await _body(relay)
    _say_end(body, as_json=as_json)
    if once and body["lag"]:
        raise typer.Exit(1)


async def _run_once(relay: "Relay", ended: asyncio.Event) -> None:
    """Until everything is published, it is told to end, or the bus has been away for too long."""
    relay.finish()
    tasks = [asyncio.create_task(one) for one in (relay.run(), ended.wait(), _given_up(relay))]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _given_up(relay: "Relay") -> None:
    waited = 0.0
    while waited < GIVE_UP_SECONDS:
        await asyncio.sleep(LOOK_SECONDS)
        waited = waited + LOOK_SECONDS if relay.progress.trouble else 0.0


async def _watch(relay: "Relay", *, as_json: bool) -> None:
    """Shows how it stands: one line that changes on a terminal, a line for each change elsewhere."""
    if as_json or not sys.stderr.isatty():
        shown: Any = None
        while True:
            body = await _body(relay)
            now = (body["state"], body["trouble"], body["position"] if as_json else None)
            if now != shown:
                dump_line(body) if as_json else note(_sentence(body))
            shown = now
            await asyncio.sleep(LOOK_SECONDS)
    with err().status("") as status:
        while True:
            status.update(_line(await _body(relay)))
            await asyncio.sleep(LOOK_SECONDS)


async def _body(relay: "Relay") -> dict[str, Any]:
    progress = relay.progress
    head = 0
    with contextlib.suppress(Exception):  # the log may be away: that is what `trouble` says
        head = await relay.head()
    done = progress.state == "relaying" and progress.position >= head
    return {
        "destination": relay.destination.name,
        "state": "up to date" if done else progress.state,
        "position": progress.position,
        "head": head,
        "lag": max(head - progress.position, 0),
        "sent": progress.sent,
        "trouble": progress.trouble or None,
    }


def _sentence(body: dict[str, Any]) -> str:
    trouble = f" ({body['trouble']})" if body["trouble"] else ""
    return f"{body['state']}{trouble}, position {body['position']} of {body['head']}"


def _line(body: dict[str, Any]) -> Text:
    style = WARN if body["trouble"] else DIM if body["state"] == "standing by" else GOOD
    parts: list[tuple[str, str]] = [(body["state"], style)]
    if body["trouble"]:
        parts.append((f" {body['trouble']}", DIM))
    parts += [("  position ", DIM), (f"{body['position']:,}", NAME), (f" of {body['head']:,}", DIM)]
    parts += [("  behind ", DIM), (f"{body['lag']:,}", WARN if body["lag"] else DIM), (f"  sent {body['sent']:,}", DIM)]
    return Text.assemble(*parts)


def _say_end(body: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        dump_line({**body, "state": "ended"})
    elif body["state"] == "standing by":
        out().print(Text.assemble(("… ", WARN), "stood by: another relay of this destination is at work"))
    else:
        done = body["lag"] == 0
        mark = ("✓ ", GOOD) if done else ("… ", WARN)
        rest = "" if done else f", {body['lag']:,} wait for the next relay"
        events = "1 event" if body["sent"] == 1 else f"{body['sent']:,} events"
        out().print(Text.assemble(mark, f"{events} published, position {body['position']:,}{rest}"))
