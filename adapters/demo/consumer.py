"""A consumer of the bus, as a service of your own would be one. The demo runs two of it, each in a process of its own.

`python -m limen.adapters.demo.consumer crm|risk URL DATABASE [SINCE]` follows the relay on a NATS server and prints a
line for each event. What it makes of an event stands in its SQLite file, written in the transaction in which `Once`
notes that the event was handled: killed at any instant and started again, it has every event once.
"""

import asyncio
import contextlib
import sqlite3
import sys

from faststream import FastStream
from faststream.nats import NatsBroker

from limen.adapters.bus import ActionRouter, Message, Once
from limen.domain.configuration import FlowKind
from limen.domain.events import FlowCompleted, FlowInitiated

TABLE = """CREATE TABLE IF NOT EXISTS handled
    (number INTEGER PRIMARY KEY, id TEXT, stream TEXT, sequence INTEGER, rule TEXT, attempt INTEGER)"""

WORK_SECONDS = 0.05
"""What handling one event takes here, so that there is something to be killed in."""

PATIENCE_SECONDS = 1.0
"""After so long a silence the server gives the event under way to another member, or to this one when it is back."""


def crm(router: ActionRouter, once: Once) -> None:
    """Follows every flow, from the beginning to the end: one default handler for each side."""
    for flow in FlowKind:

        @router.before(flow, once=once)
        async def begun(event: FlowInitiated, message: Message, tx: sqlite3.Connection) -> None:
            await handle("default", f"{event.kind} begins", message, tx)

        @router.after(flow, once=once)
        async def completed(event: FlowCompleted, message: Message, tx: sqlite3.Connection) -> None:
            await handle("default", f"{message.flow} completed by {event.method}", message, tx)


def risk(router: ActionRouter, once: Once) -> None:
    """Looks at logins. Those by code have a handler of their own, which overrides the default: never both run."""

    @router.after("login", once=once)
    async def signed_in(event: FlowCompleted, message: Message, tx: sqlite3.Connection) -> None:
        await handle("default", f"login completed by {event.method}", message, tx)

    @router.after("login", method="code", once=once)
    async def signed_in_by_code(event: FlowCompleted, message: Message, tx: sqlite3.Connection) -> None:
        await handle("override", f"login completed by {event.method}", message, tx)


async def handle(rule: str, what: str, message: Message, tx: sqlite3.Connection) -> None:
    """The effect: a row, written in the transaction of `Once`."""
    again = f"  attempt {message.attempt}" if message.attempt > 1 else ""
    say(f"{f'[{rule}]':<11} {what:<36} {str(message.stream)[:8]} #{message.sequence}{again}")
    await asyncio.sleep(WORK_SECONDS)
    row = (message.id, str(message.stream), message.sequence, rule, message.attempt)
    tx.execute("INSERT INTO handled (id, stream, sequence, rule, attempt) VALUES (?, ?, ?, ?, ?)", row)


def say(line: str) -> None:
    """Prints a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main(group: str, url: str, database: str, since: str = "0") -> None:
    """Runs until it is ended; FastStream finishes the event under way on SIGTERM and Ctrl-C."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute(TABLE)
    once = Once(database)
    broker = NatsBroker(url, logger=None, max_reconnect_attempts=-1)
    router = ActionRouter(broker, group, since=int(since), patience=PATIENCE_SECONDS)
    {"crm": crm, "risk": risk}[group](router, once)
    await FastStream(broker, logger=None, after_startup=[lambda: say("ready")], after_shutdown=[once.close]).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
