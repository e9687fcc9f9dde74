"""A process that appends, for the tests of several processes on one store.

`python -m tests.contracts.appender URL count SHARED TIMES` says that it is ready, waits for a line, then lets each of 8
callers append TIMES steps to streams of its own, the first of them to the shared stream too, and prints how often it
was refused there;
`python -m tests.contracts.appender URL forever` appends until it is killed, printing each acknowledged stream.
"""

import asyncio
import sys
from uuid import UUID, uuid4

from limen.adapters.store import LogStore, open_store
from limen.domain.errors import StoreConflict
from limen.domain.ports import Step
from tests.contracts.store import NOW, probe, row

CALLERS = 8


def whole_step(stream: UUID) -> Step:
    """Three events, a vault row and a delivery: together or not at all."""
    events = [probe(stream, version, "x" * 200) for version in (1, 2, 3)]
    return Step(events=[*events], put=[row(stream, value=b"y" * 300)], due=[(stream, NOW)])


async def append_both(store: LogStore, shared: UUID) -> int:
    """One step to a new stream and, decided anew until it fits, to the shared one; says how often it was refused."""
    step, refused = whole_step(uuid4()), 0
    while True:
        version = len(await store.events(shared)) + 1
        try:
            await store.append(Step([*step.events, probe(shared, version)], step.put, due=step.due))
        except StoreConflict:
            refused += 1
        else:
            return refused


async def count(store: LogStore, shared: UUID, times: int) -> None:
    async def alone() -> None:
        for _ in range(times):
            await store.append(whole_step(uuid4()))

    async def contending() -> int:
        return sum([await append_both(store, shared) for _ in range(times)])

    refused, *_ = await asyncio.gather(contending(), *(alone() for _ in range(CALLERS - 1)))
    print(refused, flush=True)


async def forever(store: LogStore) -> None:
    async def caller() -> None:
        while True:
            stream = uuid4()
            await store.append(whole_step(stream))
            print(stream, flush=True)

    await asyncio.gather(*(caller() for _ in range(CALLERS)))


def main(url: str, what: str, *rest: str) -> None:
    store = open_store(url)
    if what == "count":
        print("ready", flush=True)
        sys.stdin.readline()  # they begin together: else the first may be done before the last has started
        asyncio.run(count(store, UUID(rest[0]), int(rest[1])))
    else:
        asyncio.run(forever(store))
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
